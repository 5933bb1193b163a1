// Bugs of one line in what admits, leases and stops, at both doors, and on the way to the provider.
// Contract: as `mutations.ts` has it.

import type { Rows } from './mutation.ts';

export const crossingMutations: Rows = {
  // admit, leases, stops
  'invocations/admission.ts': [
    [
      'an answer that may have no more than its share',
      "'ending') === null",
      "'beginning') === null",
      'what has begun may have all memory that is left',
    ],

    [
      'a place in a tunnel that is given back twice',
      'shares.tunnels.give(invocation.id, 1)',
      'shares.tunnels.give(invocation.id, 2)',
      'tunnels is given back once',
    ],

    [
      'memory that is given back twice',
      '        shares.bodies.give(invocation.id, heldBytes);',
      '        shares.bodies.give(invocation.id, heldBytes); shares.bodies.give(invocation.id, heldBytes);',
      'memory is given back once',
    ],
    [
      'a time that is over before it is',
      'crossing.acceptedMs + seconds * 1_000;',
      'crossing.acceptedMs + seconds * 10;',
      'no crossing ends before its time',
    ],
    ['a stop that admission does not ask for', 'if (stop !== null) return stop;', '', 'what is stopped crosses nothing'],
    [
      'a time that begins anew at admission',
      'const deadlineMs = seconds === null ? null : crossing.acceptedMs + seconds * 1_000;',
      'const deadlineMs = seconds === null ? null : clock.monotonicMs() + seconds * 60_000;',
      'the time that a role may take ends its crossings',
    ],
    [
      'a tunnel whose place is never given back',
      'if (isTunnel) shares.tunnels.give(invocation.id, 1);',
      '',
      'tunnels are given back wholly',
    ],
    ['memory that is held and not counted', 'if (granted) heldBytes += bytes;', '', 'memory is given back wholly'],
    ['a crossing that is over and stays under way', '        leave();', '', 'what is over is not under way'],
  ],
  'invocations/invocations.ts': [
    ['an invocation that is closed and stays', '    byId.delete(id);', '', 'an invocation ends once'],

    [
      'a lease that ends before its time',
      'open.leaseEndsMs = nowMs + limits.leaseMs;',
      'open.leaseEndsMs = nowMs + 1_000;',
      'a lease that lives is honoured',
    ],
    [
      'a lost runner whose invocation stays open',
      "void close(open.invocation.id, leased ? 'unproved' : 'lost_runner', {});",
      '',
      'a run that is over is recorded as closed',
    ],
    [
      'a restart that takes nothing back',
      'if (restored !== null && digestKey !== null)',
      'if (restored === null && digestKey !== null)',
      'a restart takes back what was open',
    ],
    ['tool calls that outlive their run', 'open.toolCalls.endAll(noResult);', '', 'tool calls end with their run'],
    [
      'a lease that never ends',
      'open !== undefined && clock.monotonicMs() < endsMs(open)',
      'open !== undefined',
      'a lease that ended is not renewed',
    ],
    [
      'a credential that outlives its invocation',
      'byCredential.delete(open.credentialDigest);',
      '',
      'no crossing is accepted after its lease ended',
    ],
    ['crossings that outlive their invocation', 'parts.ended(id, because);', '', 'a connection that is cut carries nothing more'],
    ['tool calls that are left open', 'open.toolCalls.endAll(noResult);', '', 'a clean stop leaves no decision open'],
    [
      'a credential in a record',
      'credential_digest: kept.credentialDigest,',
      'credential_digest: credential,',
      'no record holds a prompt or a credential',
    ],
    [
      'a heartbeat of whoever knows an id',
      'digestOf(runnerKey) === expected;',
      "expected !== '';",
      'only its runner renews, proves and closes a run',
    ],
    [
      'a lease that is twice as long',
      'leaseEndsMs: clock.monotonicMs() + limits.leaseMs,',
      'leaseEndsMs: clock.monotonicMs() + 2 * limits.leaseMs,',
      'no crossing is accepted after its lease ended',
    ],
    [
      'an invoker who is never asked again',
      "return open.proofDueMs !== null && nowMs >= open.proofDueMs ? 'prove' : 'alive';",
      "return 'alive';",
      'a runner is asked for a proof when it is due, and only then',
    ],
  ],
  'invocations/desk.ts': [
    [
      'an opening that does not look for a stop again',
      'if (stop === null) {',
      'if (stop !== undefined) {',
      'what is stopped opens nothing',
    ],

    [
      'a role that is kept by whom it is taken from',
      'const may = await permitted({ ...invocation, invoker, actors });',
      "const may: { problem?: 'stopped' } = {};",
      'a role is given only to whom it may be given',
    ],

    [
      'an opening of what was stopped',
      "if (stop !== null) return refuse(stop, delegation, null, 'stopped');",
      '',
      'what is stopped opens nothing',
    ],
    [
      'a role for whoever asks',
      'if (goesOn(decision)) return { decision };',
      'return { decision };',
      'a role is given only to whom it may be given',
    ],
    [
      'a proof of another person',
      'if (invoker.userId !== invocation.invoker.userId || invoker.issuer !== invocation.invoker.issuer)',
      'if (invoker.issuer !== invocation.invoker.issuer)',
      'only its runner renews, proves and closes a run',
    ],
  ],
  'invocations/stops.ts': [
    ['a stop that is not in force', 'if (isKept(stop)) byId.set(id, stop);', '', 'what is stopped crosses nothing'],
    [
      'a stop that is not recorded',
      'const recording = recorder.append(recordOf(stop, by));',
      "void recordOf(stop, by); const recording = Promise.resolve({ logId: id, origin: '', index: 0 });",
      'what is stopped crosses nothing',
    ],
    [
      'a stop that its author lifts',
      'if (person.userId === stop.author)',
      'if (person.userId === stop.id)',
      'a stop is lifted only by another proved person',
    ],
    [
      'a stop that somebody lifts whom nobody proved',
      "if (person.assurance === 'local_development')",
      "if (person.userId === 'local_development')",
      'a stop is lifted only by another proved person',
    ],
  ],
  'invocations/under-way.ts': [
    ['a cut that nobody is told of', '        entry.listener?.(denial);', '', 'what is stopped or has ended releases nothing more'],
    [
      'tunnels that go on when nothing can be recorded',
      "receipt.refused === 'sealed')",
      "receipt.refused === 'full')",
      'a connection ends when nothing can be recorded',
    ],
  ],
  'invocations/tool-calls.ts': [
    [
      'a tool call that ends twice',
      'const first = calls?.shift();',
      'const first = calls?.[0];',
      'each permitted decision has exactly one outcome',
    ],
  ],
  // the doors, and what goes on behind the gate
  'endpoints/retry.ts': [
    ['a retry that waits no longer than it likes', 'Math.max(askedMs, usually())', 'usually()', 'what is sent again waits first'],

    [
      'a retry at once',
      'await unlessAborted(waited.promise, request.cancel).catch(() => undefined);',
      '',
      'what is sent again waits first',
    ],

    [
      'one more attempt than there may be',
      'round < limits.upstreamAttemptsCount',
      'round <= limits.upstreamAttemptsCount',
      'a call is sent so often at most',
    ],

    [
      'a retry that the upstream asked not to make',
      "answer.headers['x-should-retry'] === 'false'",
      "answer.headers['x-should-retry'] === 'no'",
      'only what may pass is sent again',
    ],
    ['a retry that no record counts', 'attempts += answer.attempts;', 'attempts = answer.attempts;', 'every send is in the record'],
  ],
  'endpoints/http.ts': [
    [
      'a provider that is shown no key',
      "...(value === '' ? {} :",
      "...(value !== '' ? {} :",
      'a provider is shown the key that is kept for it',
    ],

    [
      'a redirect that passes for an answer',
      'if (status >= 300 && status < 400)',
      'if (status >= 400 && status < 300)',
      'what could be read as another answer is not released',
    ],
  ],
  'doors/model/model.ts': [
    [
      'a body that is read for a stranger',
      'holder === null ? new Uint8Array() : await request.body(holder)',
      'await request.body(holder ?? undefined)',
      'the body of a stranger is not read',
    ],

    [
      'a stream that was cut and ends as if it were whole',
      '        return answer.destroy();',
      '        return answer.end();',
      'an answer that is not whole does not end as if it were',
    ],

    [
      "the caller's credential in a header field",
      'selectHeaders(format.forwardedHeaders, headers)).filter(([, value]) => !holdsCredential(value))',
      'headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))',
      "the caller's credential is never forwarded",
    ],
  ],
  'doors/network/target.ts': [
    ['a field for the proxy that travels on', "  'proxy-authorization',", '', "the caller's credential is never forwarded"],
  ],
  'doors/network/join.ts': [
    ['first bytes that are kept back', 'if (first.length > 0) peer.write(first);', '', 'a tunnel carries bytes as they are'],
    [
      'a tunnel that asks for another host',
      'settle(problem === null ? got : uninspectable(problem));',
      'settle(got);',
      'a tunnel to another name than it asks for carries nothing',
    ],
    [
      'a tunnel that does not hear that it is cut',
      "cut.addEventListener('abort', abandon, { once: true });",
      '',
      'a connection that is cut carries nothing more',
    ],
  ],
  'doors/network/forward.ts': [
    [
      'a connection to another host',
      'new URL(`http://${destinationText(call.destination)}`)',
      "new URL('http://elsewhere.test:80')",
      'no connection without a crossing',
    ],

    [
      'an address that nobody judges',
      'judge: judgeFor(terms.addresses),',
      'judge: () => null,',
      'only an address that was judged is reached',
    ],
  ],
  'policy/decide.ts': [
    [
      'a host that is denied and reached',
      "return { denial: 'host_not_permitted', host: name, port, role };",
      'return null;',
      'a forbidden host is never reached',
    ],
  ],
  'core/record.ts': [
    [
      'a digest of what came instead of what was sent',
      'request_digest: digest(at.invocation, sent)',
      'request_digest: digest(at.invocation, call.body)',
      'the intent names the digest of what was sent',
    ],

    ['a destination that is not named', 'name: destination?.name ?? null,', 'name: null,', 'the intent names the destination'],

    ['a record of another role', '  agent_role: invocation.role,', '  agent_role: invocation.agent.id,', 'a record says whose it is'],
    [
      'an outcome of another decision',
      'decision_log_id: at.intent.logId,',
      'decision_log_id: at.crossing.id,',
      'an outcome names its decision',
    ],
  ],
  'core/fair-share.ts': [
    [
      'more memory than there is',
      'if (left < 0) return',
      'if (left < -amount) return',
      'memory is given where there is some, and only there',
    ],
    [
      'an invocation that may take the share of others',
      "if (serves === 'beginning' && own > left) return 'share';",
      '',
      'memory is given where there is some, and only there',
    ],
    [
      'an answer that finds no memory that there is',
      "if (serves === 'beginning' && own > left) return 'share';",
      "if (own > left) return 'share';",
      'memory is given where there is some, and only there',
    ],
  ],
  'endpoints/endpoints.ts': [
    ['a request that is sent without its body', 'body: outbound,', 'body: new Uint8Array(),', 'no upstream byte without a crossing'],

    [
      'a model in the place of one that nobody has',
      'if (found !== undefined) candidates.push(found.candidate);',
      'candidates.push((found ?? models[0])!.candidate);',
      'a call reaches the model that it names',
    ],

    [
      'a call to another place',
      'transports.get(candidate.endpoint.id)',
      "transports.get(Object.keys(settings)[0] ?? '')",
      'the intent names the place that is asked',
    ],

    [
      'a format that a place does not speak',
      'if (!endpoint.formats.some((format) => format === formatName)) continue;',
      '',
      'a model is asked for where it runs',
    ],

    [
      'a pin that is put where it stands already',
      'reading.model === candidate.pin) return [];',
      'reading.model !== candidate.pin) return [];',
      'the intent names the model that is asked',
    ],
  ],
  'wire/openai-chat-stream.ts': [
    [
      'a right end that is not known',
      "if (DONE.equals(data) && name !== 'error') {",
      "if (DONE.equals(data) && name === 'error') {",
      'what came as it should is answered',
    ],
    [
      'a tool call that is not held',
      'if (parts.length === 0 && finishReasons.length === 0 && progress.hold.isEmpty()) {',
      'if (finishReasons.length === 0 && progress.hold.isEmpty()) {',
      'a tool call is released only after its own durable permit',
    ],
  ],
  'wire/gemini-stream.ts': [
    [
      'an end that is not held',
      "return progress.phase === 'ending' ? hold(progress, unit.raw) : 'pass';",
      "return 'pass';",
      'no end of a stream before its outcome is durable',
    ],
  ],
  'doors/network/network.ts': [
    [
      'a tunnel that is open and refused',
      'if (!open) return refusal === null',
      'if (!open || refusal !== null) return refusal === null',
      'a tunnel that is open is not refused',
    ],

    [
      'a plain answer that was cut and ends as if it were whole',
      "return crossed.crossed === 'answered' ? answer.end() : answer.destroy();",
      'return answer.end();',
      'an answer that is not whole does not end as if it were',
    ],
  ],
};
