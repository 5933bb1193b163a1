// Bugs of one line that were planted when the rules stood already, by somebody who looked for what they had missed.
// Contract: as `mutations.ts` has it.

import type { Rows } from './mutation.ts';

export const laterMutations: Rows = {
  'gate/gate.ts': [
    [
      'a forbidden tool call that goes on',
      'if (judgement.denial !== null && !goesOn(judgement.decision)) {',
      'if (judgement.denial !== null && !goesOn(judgement.decision) && decided.crossing.parentId === null) {',
      'a forbidden tool call is never released',
    ],
    [
      'a record that may be durable, told as one that is not',
      "refused === 'backpressure' ?",
      "refused !== 'sealed' ?",
      'only what surely was not recorded may be repeated',
    ],
  ],
  'gate/deadline.ts': [
    ['a crossing that is late and begins', 'if (leftMs !== null && leftMs <= 0) pass();', '', 'what is late is not begun'],
  ],
  'gate/read.ts': [
    [
      'a body that could not be read, told as one that is empty',
      '    if (unreadable !== undefined) return unreadable;',
      '',
      'what could not be read is refused as such',
    ],
  ],
  'gate/conclude.ts': [
    [
      'a whole error that is recorded as a success',
      'tally.ending(!failed, said,',
      'tally.ending(true, said,',
      'what the provider refused does not succeed',
    ],
  ],
  'gate/conclude-stream.ts': [
    [
      'a stream that ends in an error and succeeds',
      'tally.ending(!piece.failed, message, facts())',
      'tally.ending(true, message, facts())',
      'what the provider refused does not succeed',
    ],
    [
      'a stream that broke off and is taken for ended',
      "if (chunk === 'ended' && !deadline.signal.aborted)",
      'if (!deadline.signal.aborted)',
      'what broke off does not succeed',
    ],
    [
      'a stream that broke off and ends in order',
      "? { crossed: 'cut' }",
      "? { crossed: 'answered', recordId: recorded.intent.logId }",
      'an answer that is not whole does not end as if it were',
    ],
    ['a stream that nobody asked for and nobody lets go', '  answer.discard();', '', 'an answer that nobody reads is let go'],
  ],
  'gate/conclude-connection.ts': [
    ['a tunnel that carries and is not open', '  delivery.begin(CONNECTED, {});', '', 'a tunnel is open before it carries'],
    [
      'a plain answer that broke off and succeeds',
      '    message = brokenSentence(recorded);',
      '    message = null;',
      'an answer that is not whole does not end as if it were',
    ],
  ],
  'gate/recording.ts': [
    [
      'a finding about a model that calls itself by its name',
      'reported === candidate.pin || ',
      '',
      'only a model that calls itself another is a finding',
    ],
  ],
  'gate/tally.ts': [
    ['tools that an outcome calls by other names', '=> nameTool(recorded.invocation, name);', '=> name;', 'an outcome says what happened'],
  ],
  'invocations/admission.ts': [
    [
      'a stop of a model that misses its other names',
      'model: judgement.candidate?.pin ?? null,',
      'model: reading?.model ?? null,',
      'what is stopped crosses nothing',
    ],
    [
      'an admission that does not look at the time',
      "if (seconds !== null && deadlineMs !== null && clock.monotonicMs() >= deadlineMs) return { denial: 'deadline_exceeded', seconds };",
      '',
      'what is late is not begun',
    ],
    [
      'a tunnel for which there was no place',
      "if (against !== null) return { denial: 'overloaded', limit: 'tunnels', against };",
      '',
      'tunnels is given back once',
    ],
  ],
  'invocations/desk.ts': [
    [
      'a run that its invoker may no longer have',
      "await invocations.close(invocationId, may.problem === 'stopped' ? 'stopped' : 'not_permitted', {});",
      '',
      'no crossing is accepted after its lease ended',
    ],
    [
      'a refused opening that no record tells of',
      'await parts.recorder.append(refusedOpeningRecord(asked, { denial, reason: problem.message, decision }, parts.stamp()));',
      '',
      'an opening that is refused is on record',
    ],
    [
      'an invocation that was stopped before anybody had it, and stays',
      "      await invocations.close(opened.invocation.id, 'stopped', {});",
      '',
      'an invocation that nobody was given is closed',
    ],
  ],
  'invocations/invocations.ts': [
    [
      'a runner that the next start does not know',
      'runner_key_digest: kept.runnerKeyDigest,',
      'runner_key_digest: null,',
      'a lease that lives is honoured',
    ],
    [
      'a runner without a key',
      'expected !== null && runnerKey !== null && digestOf(runnerKey) === expected',
      'runnerKey === null || digestOf(runnerKey) === expected',
      'only its runner renews, proves and closes a run',
    ],
    [
      'a proof that outlives its day',
      '(proofDueMs === null ? Infinity : proofDueMs + limits.proofGraceMs)',
      'Infinity',
      'a lease that ended is not renewed',
    ],
  ],
  'invocations/stops.ts': [
    ['a stop that was lifted and goes on', '      byId.delete(id);', '', 'only what is stopped is refused as stopped'],
  ],
  'control-plane.ts': [
    ['a run that was stopped and does not say by what', '      { stop: stop.id },', '      {},', 'a record says whose it is'],
  ],
  'invocations/under-way.ts': [
    [
      'a cut that came before anybody listened',
      '          if (entry.denial !== null) listener(entry.denial);',
      '',
      'what is stopped or has ended sends nothing',
    ],
  ],
  'invocations/tool-calls.ts': [
    ['a result that ends another call', 'calls?.shift()', 'calls?.pop()', 'of calls that share an id the first ends first'],
    [
      'a tool that failed and succeeds',
      'end(recorded, success, success',
      'end(recorded, true, success',
      'a tool call ends as its agent says',
    ],
    [
      "an agent's word that passes for the envelope's",
      "'The agent reports that the tool failed.', 'agent')",
      "'The agent reports that the tool failed.', 'envelope')",
      'a tool call ends as its agent says',
    ],
  ],
  'endpoints/endpoints.ts': [
    [
      'a model whose other names nobody knows',
      'pin === model || also_called?.includes(model)',
      'pin === model',
      'what may cross is not refused',
    ],
  ],
  'endpoints/retry.ts': [
    [
      'an answer that is asked for again and kept open',
      "    if ('status' in answer) answer.discard();",
      '',
      'an answer that nobody reads is let go',
    ],
  ],
  'doors/model/model.ts': [
    [
      'a client whose leaving the door keeps to itself',
      'clientGone: request.gone };',
      'clientGone: new AbortController().signal };',
      'the upstream is cancelled when the client leaves or time is up',
    ],
    [
      'a refusal that does not name its record',
      'renderDenial(format, crossed.denial, crossed.recordId,',
      'renderDenial(format, crossed.denial, null,',
      'a refusal names its record',
    ],
    ["the caller's credential in the query", ' && !holdsCredential(parameter)', '', "the caller's credential is never forwarded"],
    ['a failure of which nobody is told', "      case 'failed': {", "      case 'failed': { return answer.destroy();", 'a failure is told'],
  ],
  'doors/network/network.ts': [
    ['a tunnel that is over and stays open', '      closeTunnel(request, crossed, clock);', '', 'a tunnel that is over is closed'],
  ],
  'doors/network/target.ts': [
    [
      'fields for the proxy that travel on',
      '!notCarried.has(name) && !forHop.has(name)',
      '!notCarried.has(name)',
      'what is meant for the proxy does not travel on',
    ],
    [
      'a scheme that is carried as if it were another',
      "if (scheme.toLowerCase() !== 'http')",
      "if (scheme === '')",
      'a plain request is sent as it was judged',
    ],
    [
      'a plain request to another path',
      "target: rest.startsWith('/') ? rest : `/${rest}`",
      "target: '/'",
      'a plain request is sent as it was judged',
    ],
  ],
  'ledger/journal.ts': [
    [
      'a segment whose name is not durable',
      'await disk.rename(path(readyName), path(name));',
      "const settings = { folder: '/' }; await disk.rename(path(readyName), path(name));",
      'what a crash leaves can be recovered',
    ],
  ],
  'ledger/recovery.ts': [
    [
      'a cut that a second crash forgets',
      'if (replay.cut !== null) await disk.replaceFiles([{ path: note, bytes: Buffer.from(JSON.stringify(cuts)) }]);',
      '',
      'what a start cuts off is on record',
    ],
  ],
  'ledger/open-work.ts': [
    [
      'a stop that was lifted and comes back',
      "else if (what === 'stop_lifted') end(stops, stop);",
      '',
      'only what is stopped is refused as stopped',
    ],
    [
      'a closed run that comes back',
      "else if (record['kind'] === 'closed') end(invocations, record['invocation_id']);",
      '',
      'a lease that ended is not renewed',
    ],
  ],
  'ledger/running-ledger.ts': [
    [
      'a segment that goes one record too early',
      'sizes.set(log.origin, index + 1);',
      'sizes.set(log.origin, index);',
      'a segment goes only when its records are published',
    ],
  ],
  'ledger/publisher.ts': [
    [
      'newest heads that make others forgotten',
      'new Map([...heads, ...edges.map',
      'new Map([...edges.map',
      'a head that is shown is remembered',
    ],
    [
      'a checkpoint over what was appended meanwhile',
      'signNote(checkpointText(edge.head), [signer])',
      'signNote(checkpointText(log.head()), [signer])',
      'a checkpoint is shown with all of its tiles',
    ],
    [
      'a head that is noted as published and is newer',
      'heads.set(log.origin, inText(edge.head));',
      'heads.set(log.origin, inText(log.head()));',
      'a clean stop publishes every durable leaf',
    ],
  ],
  'ledger/log-tree.ts': [
    [
      'a tile that grew while it was written',
      'partialWritten = edge.head.size;',
      'partialWritten = frontier.size();',
      'what a crash leaves can be recovered',
    ],
  ],
  'ledger/head-binding.ts': [
    [
      'heads that are taken for stated because they are there',
      'let bound = textOf(stated) ?? textOf([]);',
      'void stated; let bound = textOf(heads());',
      'the heads of the other logs stand in the control log',
    ],
    ['heads that only a stop states', '        void bind();', '', 'the heads of the other logs stand in the control log soon'],
  ],
  'core/record.ts': [
    [
      'a denial that keeps its permit',
      "verdict: judged?.verdict === 'approval' ? 'approval' : 'deny',",
      "verdict: judged?.verdict ?? 'deny',",
      'a denial has no outcome',
    ],
  ],
  'core/totals.ts': [['totals that lose tools', '        tools.add(attempt.tool);', '', 'the totals of a run are what its records say']],
  'wire/anthropic-messages-stream.ts': [
    [
      'a tool call that is judged by what stood at its beginning',
      'call: { ...head, arguments: streamed.length > 0 ? streamed : input },',
      'call: { ...head, arguments: input },',
      'the arguments released are those that were judged',
    ],
    [
      'a held call that an error lets go',
      '  if (progress.call !== null) takeHeld(progress);',
      '',
      'a tool call is released only after its own durable permit',
    ],
    [
      'a reason to stop that is not held',
      "if (stopReason?.kind === 'string') progress.phase = 'ending';",
      '',
      'no end of a stream before its outcome is durable',
    ],
    [
      'an event of two names',
      "if (name !== type) return unframed('the name of an event and the type of its data differ');",
      '',
      'what could be read as another answer is not released',
    ],
  ],
};
