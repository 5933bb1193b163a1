// Bugs of one line in the gate and in the spine that gives it its stages, in the order of the stages.
// Contract: as `mutations.ts` has it.

import type { Rows } from './mutation.ts';

export const gateMutations: Rows = {
  // identify, read, inspect, decide, and the order of them
  'gate/gate.ts': [
    [
      'a caller whom nobody identified',
      'if (isDenial(invocation)) return refuse(received, invocation);',
      'if (isDenial(invocation)) void refuse(received, invocation);',
      'nothing throws',
    ],
    [
      'a request that could not be read and goes on',
      'if (isDenial(said)) return refuse(identified, said);',
      'if (isDenial(said)) void refuse(identified, said);',
      'nothing throws',
    ],
    ['results of tool calls that are not settled', 'stages.settleToolResults(read);', '', 'a result that comes back ends its tool call'],
    [
      'denied content that is not remembered',
      'stages.rememberDenied(decided);',
      '',
      'content that was denied once is left out of later turns',
    ],
    [
      'a denial that lets the crossing go on',
      'return refuse(decided, judgement.denial);',
      'void refuse(decided, judgement.denial);',
      'a forbidden model is never called',
    ],
    [
      'a tool call that is not held up by admission',
      'if (isDenial(admission)) return refuse(decided, admission);',
      'if (isDenial(admission) && decided.crossing.parentId === null) return refuse(decided, admission);',
      'what is stopped crosses nothing',
    ],
    [
      'an intent that is not waited for',
      'const intent = await stages.recordIntent(transformed);',
      "const intent = { logId: '', origin: '', index: 0 }; void stages.recordIntent(transformed);",
      'no upstream byte without a durable intent',
    ],
    [
      'an intent whose refusal is passed over',
      'if (isRefusal(intent)) return unrecorded(intent, invocation);',
      'if (isRefusal(intent)) void unrecorded(intent, invocation);',
      'no upstream byte without a durable intent',
    ],
    [
      'a crossing that was over before it was sent',
      'if (deadline.signal.aborted) return await concludeFailure(recorded, notSent, concluding);',
      '',
      'what is stopped or has ended sends nothing',
    ],
    [
      'an upstream that is not told of the end',
      'await stages.forward(recorded, deadline.signal)',
      'await stages.forward(recorded, new AbortController().signal)',
      'the upstream is cancelled when the client leaves or time is up',
    ],
    ['what was reserved and is never given back', 'admission.release();', '', 'memory is given back wholly'],
    [
      'a tool call that has no parent',
      'parentId: parent.crossing.id,',
      'parentId: null,',
      'a tool call is released only after its own durable permit',
    ],
    [
      'a refusal that does not wait for its record',
      'recordId: await stages.recordDenial(at, denial),',
      'recordId: (void stages.recordDenial(at, denial), null),',
      'a denial has its record, or none could be written',
    ],
  ],
  'gate/deadline.ts': [
    [
      'a deadline a minute late',
      'const leftMs = deadlineMs === null ? null : deadlineMs - clock.monotonicMs();',
      'const leftMs = deadlineMs === null ? null : deadlineMs - clock.monotonicMs() + 60_000;',
      'the time that a role may take ends its connections',
    ],
    [
      'a deadline without a timer',
      'leftMs === null || leftMs <= 0 ? () => undefined : clock.after(leftMs, pass)',
      '() => undefined',
      'the time that a role may take ends its crossings',
    ],
    [
      'a cut that nobody hears',
      'const stopListening = whenCutOff(deny);',
      'const stopListening = () => undefined;',
      'a connection that is cut carries nothing more',
    ],
    [
      'a client that leaves unheard',
      "else clientGone.addEventListener('abort', leave, { once: true });",
      '',
      'the upstream is cancelled when the client leaves or time is up',
    ],
    [
      'a client that had left already',
      'if (clientGone.aborted) leave();',
      'if (clientGone.aborted) undefined;',
      'nothing is sent for a client that has left',
    ],
    ['a timer that outlives its crossing', '      stopTimer();', '', 'what is over leaves no timer behind'],
  ],
  // judging tool calls, outcome
  'gate/ending.ts': [
    [
      'an invocation that goes on after an outcome was lost',
      'stages.sever(recorded.invocation, outcome.problem);',
      '',
      'no crossing is accepted after its lease ended',
    ],
    [
      'an outcome that is not waited for',
      'const outcome = await stages.recordOutcome(recorded, ending);',
      'const outcome = recorded.intent; void stages.recordOutcome(recorded, ending);',
      'an answer ends only after its outcome is durable',
    ],
    [
      'an outcome that is announced although it was refused',
      'if (!isRefusal(outcome)) return { recordId: outcome.logId };',
      "if (!isRefusal(outcome) || outcome.refused === 'slow') return { recordId: recorded.intent.logId };",
      'an answer ends only after its outcome is durable',
    ],
    [
      'a refused tool call that is handed over',
      "if (crossed.crossed === 'handed_over') {",
      "if (crossed.crossed !== 'cut') {",
      'a forbidden tool call is never released',
    ],
    [
      'a tool that is judged by the name that the model has for it',
      'tool: label(name),',
      'tool: label(called.name),',
      'the tool released is the one that was judged',
    ],
    [
      'a tool call that is judged without its arguments',
      'arguments: given, notInspected };',
      'arguments: new Uint8Array(), notInspected };',
      'the arguments released are those that were judged',
    ],
  ],
  'gate/conclude.ts': [
    [
      'an answer that is kept without memory for it',
      'if (!recorded.admission.hold(chunk.length)) return',
      'if (!recorded.admission.hold(0)) return',
      'what is kept of an answer is reserved',
    ],
    [
      'refusals that are left out of a whole answer',
      'if (sentence !== null) sentences.set(index, sentence);',
      '',
      'a forbidden tool call is never released',
    ],
    [
      'a whole answer that passes for a stream',
      'if (live !== null && !failed)',
      'if (live !== null && failed)',
      'what could be read as another answer is not released',
    ],
    [
      'header fields of the provider that pass as they are',
      "...selectHeaders(call.format.answerHeaders, answer.headers), 'content-length'",
      "...answer.headers, 'content-length'",
      'of an answer only what its format names is released',
    ],
  ],
  'gate/conclude-stream.ts': [
    [
      'an upstream that nobody reads to its end',
      'await chunks.return?.().catch(() => undefined);',
      '',
      'an answer that nobody reads is let go',
    ],
    [
      'a stop that is told as a failure of the upstream',
      'if (cutOff !== null) return deny(cutOff);',
      '',
      'what the envelope ended is not blamed on the upstream',
    ],
    [
      'a stream that cannot be read and ends as if it broke',
      "return deny({ denial: 'not_inspectable', problem: `the upstream's stream could not be read: ${piece.problem}` });",
      'return null;',
      'what could not be read is refused as such',
    ],
    [
      'an end of a stream before its outcome',
      '    tally.released(piece.bytes);',
      '    tally.released(piece.bytes); await write(piece.bytes);',
      'no end of a stream before its outcome is durable',
    ],
    [
      'a tool call that is released and then judged',
      'const sentence = await judgeToolCall(recorded, piece.call, tally, concluding);',
      'await release(piece.bytes); const sentence = await judgeToolCall(recorded, piece.call, tally, concluding);',
      'a tool call is released only after its own durable permit',
    ],
    [
      'a tool call that is refused and released',
      'release(sentence === null ? piece.bytes : piece.refuse(sentence));',
      'release(piece.bytes);',
      'a forbidden tool call is never released',
    ],
    ['bytes that no digest counts', '    tally.released(bytes);', '', 'the outcome names the digest of what was released'],
  ],
  'gate/conclude-connection.ts': [
    [
      'an address that was refused and is told as a failure',
      "crossing.call.action === 'network_connection' && failure === 'address_refused'",
      "crossing.call.action === 'network_connection' && failure === 'reset'",
      'an address that is not judged well is a refusal',
    ],
    ['a tunnel that broke off and succeeds', "(broken ? 'The connection broke off.' : null)", 'null', 'what broke off does not succeed'],
    [
      'a tunnel that was cut and is told to have broken off',
      'const denial = deadline.denial() ?? own;',
      'const denial = own;',
      'what the envelope ended is not blamed on the destination',
    ],
    [
      'a tunnel that carried nothing and succeeds',
      'const denial = deadline.denial() ?? own;',
      'const denial = deadline.denial();',
      'a tunnel that ended well carried everything',
    ],
    [
      'a tunnel that was cut and has no outcome',
      'if (denial !== null) return endUndelivered(recorded, ending, denial, stages);',
      'if (denial !== null) return refused(recorded, denial, null);',
      'a tunnel is closed only after its outcome is durable',
    ],
    [
      'a plain answer that lacks a byte',
      'await writeWithin(concluding, chunk);',
      'await writeWithin(concluding, chunk.subarray(1));',
      'a plain answer is released byte for byte',
    ],
    [
      'a tunnel that does not end when it is cut',
      'await join(stream, terms, deadline.signal)',
      'await join(stream, terms, new AbortController().signal)',
      'a connection that is cut carries nothing more',
    ],
    [
      'an outcome that says another number of bytes',
      'address, bytesSent, bytesReceived, success: message',
      'address, bytesSent: bytesReceived, bytesReceived, success: message',
      'the outcome says how much a tunnel carried',
    ],
    [
      'an answer that is not whole and ends as if it were',
      "return message !== null || 'denial' in recording ? { crossed: 'cut' } : { crossed: 'answered', recordId: recording.recordId };",
      "return { crossed: 'answered', recordId: '' };",
      'an answer that is not whole does not end as if it were',
    ],
    [
      'a destination that speaks in our name',
      "!name.startsWith('x-sealwright-')",
      'true',
      'a record that is named to the caller is durable',
    ],
  ],
  'gate/recording.ts': [
    [
      'a model that calls itself another, unnoticed',
      'const finding = modelFinding(recorded, ending);',
      'const finding = null as ReturnType<typeof modelFinding>;',
      'a model that calls itself another is a finding',
    ],
    [
      'a denial that names a record that is not there',
      'return isRefusal(receipt) ? null : receipt.logId;',
      'return stamp().log_id;',
      'a record that is named to the caller is durable',
    ],
    ['strangers whom nobody counts', "unidentified(at.from ?? 'unknown');", '', 'attempts by strangers are counted'],
  ],
  'gate/tally.ts': [
    [
      'bytes of the upstream that are not counted',
      'bytesReceived += bytes.length;',
      'bytesReceived += 1;',
      'an outcome says what happened',
    ],
  ],
  // transform, forward, settle
  'spine.ts': [
    [
      'a model that is asked for by another name than its pin',
      '[...endpoints.splicePin(admitted), ...spliceTakenOut(admitted.judgement)]',
      '[...spliceTakenOut(admitted.judgement)]',
      'a model is asked for by its pin',
    ],
    [
      'a picture that was left out and is sent',
      '[...endpoints.splicePin(admitted), ...spliceTakenOut(admitted.judgement)]',
      '[...endpoints.splicePin(admitted)]',
      'what may not be sent is not sent',
    ],
    [
      'tool calls that nobody waits for',
      '      invocations.toolCallHandedOver(recorded);',
      '',
      'a result that comes back ends its tool call',
    ],
    [
      'crossings that no totals count',
      'else counting?.passed(attemptOf(transformed.crossing));',
      '',
      'the totals of a run are what its records say',
    ],
    [
      'a plain request without its body',
      "return call.carrying.carries === 'http' ? call.carrying.body : nothing;",
      'return nothing;',
      'a plain request is sent as it was judged',
    ],
  ],
  'privacy/privacy.ts': [
    [
      'denied content that inspection does not recognise',
      'return deniedBefore.length === 0 ? notLookedAt',
      'return deniedBefore.length >= 0 ? notLookedAt',
      'content that was denied once is left out of later turns',
    ],
  ],
  'control-plane.ts': [
    [
      'a stop that closes no run',
      "if (stop.scope.kind === 'model' || stop.scope.kind === 'tool') return;",
      'return;',
      'a lease that ended is not renewed',
    ],
  ],
};
