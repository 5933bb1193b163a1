// Bugs of one line in what becomes of an answer: tool calls in it, how it ends and is told, and the records of that.
// Contract: as `mutations.ts` has it.

import type { Rows } from './mutation.ts';

export const answerMutations: Rows = {
  // judging tool calls, outcome
  'gate/ending.ts': [
    [
      'a refusal without its outcome',
      'const recording = await recordEnding(recorded, ending, stages);',
      'const recording: Awaited<ReturnType<typeof recordEnding>> = { recordId: recorded.intent.logId };',
      'a refused crossing is recorded as refused',
    ],

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
    ['a failure that does not say who ended it', 'const why = deadline.denial() ??', 'const why =', 'what the envelope ended says why'],

    [
      'a whole answer that does not wait for its outcome',
      'const recording = await recordEnding(',
      'const recording: Awaited<ReturnType<typeof recordEnding>> = { recordId: recorded.intent.logId }; void recordEnding(',
      'no whole answer before its outcome is durable',
    ],

    [
      'a whole answer that was cut off and is released',
      'if (deadline.signal.aborted) return end(',
      'if (deadline.signal.aborted && failed) return end(',
      'what is stopped or has ended does not succeed',
    ],

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
      'a denial in a stream that does not say why',
      'sentence: sentenceOf(denial), recordId }, client)',
      "sentence: '', recordId }, client)",
      'only denials are added to a stream',
    ],

    [
      'pieces that are kept back and taken for shown',
      "if (over === 'held') return null;",
      "if (over === 'held') continue;",
      'what a client sees is a stream of its format',
    ],

    [
      'a tool call that is released after the cut',
      "return deadline.signal.aborted ? 'held' : release(",
      'return release(',
      'what is stopped or has ended releases nothing more',
    ],

    [
      'a piece that is released after the cut',
      "deadline.signal.aborted ? 'held' : settle(piece);",
      'settle(piece);',
      'what is stopped or has ended does not succeed',
    ],

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
      'a plain answer that was cut and succeeds',
      'if (denial !== null) message = sentenceOf(denial);',
      'if (denial !== null) message = null;',
      'what is stopped or has ended does not succeed',
    ],

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
      'a finding in the log of another stream',
      "stream: 'model', kind: 'finding'",
      "stream: 'agent', kind: 'finding'",
      'a record stands in the log of its stream',
    ],

    [
      'an intent that is written down when everything is over',
      'const intent = recorder.append(intentRecord(transformed, stamp(), digest));',
      "const said = intentRecord(transformed, stamp(), digest); const intent = Promise.resolve({ logId: said.log_id, origin: '', index: 0 }); clock.after(500, () => void recorder.append(said));",
      'an outcome stands behind its decision',
    ],

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
  'gate/live-stream.ts': [
    [
      'a long piece that is cut short',
      'delivery.write(bytes)',
      'delivery.write(bytes.subarray(0, 600))',
      'what was not refused is released byte for byte',
    ],
  ],
};
