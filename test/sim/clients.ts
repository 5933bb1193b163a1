// Scripted agents: each opens an invocation, calls the model, carries out the tools it was given, and comes back with results.
// They ask for forbidden models, send what cannot be read, use credentials that are wrong or worn out, miss heartbeats, leave and come back.
// They outlive the envelope: when it is gone they wait until it is up again and go on with the credential that they have.

import type { AgentClient } from '../../src/core/principal.ts';
import type { Incoming, Outgoing } from '../../src/core/http.ts';
import type { Exchange, ExchangeListener } from './exchange.ts';
import { exchange } from './exchange.ts';
import type { Chance, Life } from './schedule.ts';
import { toolNames } from './upstream.ts';

const models = ['fast-1', 'fast-1', 'fast-1', 'fast-1', 'fast-1', 'fast', 'fast', 'forbidden-1', 'nowhere-1'] as const;
const roles = ['worker', 'worker', 'hurried', 'watched'] as const;

export interface OpenedRun {
  readonly id: string;
  readonly credential: string;
}

/** The envelope as it stands at this moment. */
export interface Site {
  readonly life: Life;
  readonly lost: Promise<'lost'>;
  readonly open: (role: string, client: AgentClient) => Promise<OpenedRun | null>;
  readonly heartbeat: (id: string) => boolean;
  readonly close: (id: string) => Promise<void>;
  /** The door as the call of this number finds it. */
  readonly door: (number: number) => (request: Incoming, answer: Outgoing) => Promise<void>;
}

export interface ClientParts {
  readonly chance: Chance;
  /** Outlives every envelope. */
  readonly life: Life;
  readonly site: () => Site | null;
  readonly listener: ExchangeListener;
  readonly nextNumber: () => number;
  /** Whether agents offer so many tools that their records are large. */
  readonly bulky: boolean;
}

interface Agent {
  readonly client: AgentClient;
  readonly bulky: boolean;
}

interface ToolResult {
  readonly id: string;
  readonly failed: boolean;
}

/** Enough long names that a journal segment holds only a dozen such requests. */
const manyNames = Array.from({ length: 250 }, (_, number) => `tool-${number}-${'x'.repeat(110)}`);
const offered = (names: readonly string[]): string => JSON.stringify(names.map((name) => ({ name, input_schema: { type: 'object' } })));
const fewTools = offered(toolNames);
const manyTools = offered([...toolNames, ...manyNames]);

const requestBody = (chance: Chance, number: number, model: string, results: readonly ToolResult[], bulky: boolean): Uint8Array => {
  const content = results.map(({ id, failed }) => ({ type: 'tool_result', tool_use_id: id, content: 'done', is_error: failed }));
  const message = JSON.stringify({ role: 'user', content: [{ type: 'text', text: `call-${number}.` }, ...content] });
  const stream = chance.happens(0.6) ? '"stream":true,' : '';
  const body = `{"model":"${model}","max_tokens":100,${stream}"tools":${bulky ? manyTools : fewTools},"messages":[${message}]}`;
  return Buffer.from(chance.happens(0.04) ? body.slice(0, -1) : body);
};

/** Tool calls that an answer gives the agent to carry out. */
export const toolCallsIn = (answer: string): readonly string[] =>
  [...answer.matchAll(/"type":"tool_use","id":"(toolu_\w+)"/g)].flatMap((match) => match[1] ?? []);

const reply = ({ chunks }: Exchange): string => Buffer.concat(chunks).toString();

/** The envelope, once it is up. */
const present = async ({ site, life }: ClientParts): Promise<Site> => {
  for (;;) {
    const now = site();
    if (now !== null) return now;
    await life.pause('client waits for the envelope', 250);
  }
};

const ask = async (parts: ClientParts, agent: Agent, credential: string | null, results: readonly ToolResult[]): Promise<Exchange> => {
  const { client, bulky } = agent;
  const { chance, listener, nextNumber } = parts;
  const { life, lost, door } = await present(parts);
  const number = nextNumber();
  const path = chance.happens(0.03) ? '/anthropic/v1/other' : chance.pick(['/anthropic/v1/messages', '/v1/messages']);
  const asked = { number, client, credential, path, body: requestBody(chance, number, chance.pick(models), results, bulky) };
  const leavesAfterMs = chance.happens(0.12) ? chance.below(120) : null;
  return exchange(asked, { life, chance, listener, door: door(number), lost, leavesAfterMs });
};

/** Renews the lease until told to stop, as a runner does; some runners are lost on the way. */
const keepAlive = async (parts: ClientParts, id: string, beating: () => boolean): Promise<void> => {
  const { life, chance, site } = parts;
  while (beating()) {
    site()?.heartbeat(id);
    await life.pause('heartbeat', chance.happens(0.08) ? chance.between(29_500, 32_000) : 10_000);
  }
};

const work = async (parts: ClientParts, agent: Agent, { id, credential }: OpenedRun): Promise<void> => {
  const { chance, life } = parts;
  let beating = true;
  void keepAlive(parts, id, () => beating);
  let results: readonly ToolResult[] = [];
  for (let turn = chance.between(agent.bulky ? 12 : 1, agent.bulky ? 20 : 6); turn > 0; turn -= 1) {
    const aside = chance.happens(0.15) ? ask(parts, agent, credential, []) : null;
    const answer = reply(await ask(parts, agent, chance.happens(0.05) ? 'sw_forged' : credential, results));
    results = toolCallsIn(answer).map((callId) => ({ id: callId, failed: chance.happens(0.2) }));
    await aside;
    await life.pause('agent works', chance.pick([1, 10, 100, 300, 1_500, 12_000]));
  }
  const ending = chance.pick(['close', 'close', 'close in a hurry', 'abandon', 'outlive']);
  if (ending === 'close') await close(parts, id);
  if (ending === 'close in a hurry') {
    const late = ask(parts, agent, credential, results);
    await life.pause('agent is about to close', chance.below(150));
    await close(parts, id);
    await late;
  }
  beating = false;
  if (ending === 'outlive') await life.pause('agent outlives its lease', 42_000);
  if (ending !== 'abandon' && chance.happens(0.5)) await ask(parts, agent, credential, []);
};

const close = async (parts: ClientParts, id: string): Promise<void> => {
  const now = await present(parts);
  await Promise.race([now.close(id), now.lost]);
};

/** One agent from its first invocation to its last. */
export const runAgent = async (parts: ClientParts): Promise<void> => {
  const { chance, life, bulky } = parts;
  const agent: Agent = { client: chance.pick(['sdk', 'sdk', 'claude-code']), bulky };
  for (let runs = chance.between(1, 2); runs > 0; runs -= 1) {
    await life.pause('agent starts', chance.below(3_000));
    if (chance.happens(0.1)) await ask(parts, agent, chance.pick([null, `sw_${'A'.repeat(43)}`]), []);
    const now = await present(parts);
    const opened = await Promise.race([now.open(chance.pick(roles), agent.client), now.lost]);
    if (opened !== null && opened !== 'lost') await work(parts, agent, opened);
  }
};
