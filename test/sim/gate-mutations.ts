// Bugs of one line in the gate and in the spine that gives it its stages, in the order of the stages.
// Contract: as `mutations.ts` has it.

import type { Rows } from './mutation.ts';

export const gateMutations: Rows = {
  // identify, read, inspect, decide, and the order of them
  'gate/gate.ts': [
    [
      'a tool call that began with its request',
      'acceptedMs: clock.monotonicMs(),',
      'acceptedMs: parent.crossing.acceptedMs,',
      'an outcome says what happened',
    ],

    [
      'a tool call for a client that has left',
      'clientGone: parent.crossing.clientGone,',
      'clientGone: new AbortController().signal,',
      'no tool call is handed to a client that has left',
    ],

    [
      'a request that leaves although it could not be recorded',
      'if (isRefusal(intent)) return unrecorded(intent, invocation);',
      "if (isRefusal(intent)) return (await stages.forward(advance<Recorded>({ ...transformed, intent: { logId: '', origin: '', index: 0 } }), received.crossing.clientGone), unrecorded(intent, invocation));",
      'nothing leaves when the record is unavailable',
    ],

    [
      'a denial that is recorded twice',
      'return refuse(decided, judgement.denial);',
      'await refuse(decided, judgement.denial); return refuse(decided, judgement.denial);',
      'a crossing is decided once',
    ],

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
  // transform, forward, settle
  'spine.ts': [
    [
      'a connection that does not wait for its intent',
      'const intent = await recording.recordIntent(transformed);',
      "const intent = transformed.crossing.call.action === 'network_connection' ? (void recording.recordIntent(transformed), { logId: '', origin: '', index: 0 }) : await recording.recordIntent(transformed);",
      'no connection without a durable intent',
    ],

    [
      'a denial that names the record of an earlier one',
      '      return recordId;',
      '      return counting?.deniedRecords()[0] ?? recordId;',
      'a record that is named to the caller is its own',
    ],

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
      "settings.denied_content === 'deny'",
      "settings.denied_content !== 'deny'",
      'content that was denied once is left out of later turns',
    ],
  ],
  'control-plane.ts': [
    [
      'a stop that cuts nothing off',
      'underWay.cutOff((what) => stopMatches(stop.scope, what), denial);',
      '',
      'what is stopped or has ended releases nothing more',
    ],

    [
      'a stop that closes no run',
      "if (stop.scope.kind === 'model' || stop.scope.kind === 'tool') return;",
      'return;',
      'a lease that ended is not renewed',
    ],
  ],
};
