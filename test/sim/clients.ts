// Scripted agents: each opens an invocation, calls the model in the format of its vendor, carries out the tools it was given, and comes back with
// results; some connect to hosts by themselves. They ask for what is forbidden, send what cannot be read, show pictures, use credentials that are
// wrong or worn out, miss heartbeats and proofs, leave and come back.
// They outlive the envelope: when it is gone they wait until it is up again and go on with the credential that they have.

import type { AgentClient } from '../../src/core/principal.ts';
import type { Dialect, ToolResult } from './dialect.ts';
import { text } from './dialect.ts';
import type { Asked, Exchange, ExchangeListener } from './exchange.ts';
import { exchange } from './exchange.ts';
import { stopAtOpening } from './operator.ts';
import type { Chance, Life } from './schedule.ts';
import type { OpenedRun, Site } from './site.ts';
import { createEventWatch } from './sse-watch.ts';
import type { TunnelListener } from './tunnels.ts';
import { basic, openTunnel, tunnelTo } from './tunnels.ts';
import { dialects, hasTls, hostDomains, invokers, models, roles, toolNames } from './world.ts';

export interface ClientParts {
  readonly chance: Chance;
  /** Outlives every envelope. */
  readonly life: Life;
  readonly site: () => Site | null;
  readonly listener: ExchangeListener & TunnelListener;
  readonly nextNumber: () => number;
  /** Whether agents offer so many tools that their records are large. */
  readonly bulky: boolean;
}

/** What one agent is, and what it remembers of its conversation. */
interface Agent {
  readonly client: AgentClient;
  readonly dialect: Dialect;
  readonly userId: string;
  readonly bulky: boolean;
  /** Whether its runner proves who started it when it is asked to. */
  readonly proves: boolean;
  /** What it showed and was refused; it comes along with later turns, as in any conversation. */
  shown: { readonly number: number; readonly text: string; readonly picture: string } | null;
}

/** Enough long names that a journal segment holds only a dozen such requests. */
const manyNames = Array.from({ length: 250 }, (_, number) => `tool-${number}-${'x'.repeat(110)}`);

/** Tool calls that an answer gives the agent to carry out. */
export const callsGiven = ({ dialect, headers, chunks, status }: Exchange): readonly { readonly id: string; readonly name: string }[] => {
  if (dialect === null || status !== 200) return [];
  const bytes = Buffer.concat(chunks);
  if ((headers['content-type'] ?? '').startsWith('text/event-stream'))
    return dialect.callsIn(createEventWatch()(bytes)).filter(({ whole }) => whole);
  try {
    return dialect.callsInWhole(JSON.parse(bytes.toString()) as Record<string, unknown>);
  } catch {
    return [];
  }
};

/** The envelope, once it is up. */
const present = async ({ site, life }: ClientParts): Promise<Site> => {
  for (;;) {
    const now = site();
    if (now !== null) return now;
    await life.pause('client waits for the envelope', 250);
  }
};

const askedOf = (
  { chance }: ClientParts,
  agent: Agent,
  number: number,
  credential: string | null,
  results: readonly ToolResult[],
): Asked => {
  const { client, dialect, bulky, shown } = agent;
  const [model, stream] = [chance.pick(models), chance.happens(0.6)];
  const said = `call-${number}. Go on.`;
  const picture = shown === null && chance.happens(0.06) ? Buffer.from(`picture ${number}`).toString('base64') : null;
  const earlier = shown !== null && chance.happens(0.7) ? shown : null;
  if (picture !== null) agent.shown = { number, text: said, picture };
  const names = bulky ? [...toolNames, ...manyNames] : toolNames;
  const body = JSON.stringify(dialect.ask({ model, stream, text: said, results, toolNames: names, picture, earlier }));
  const path = chance.happens(0.03) ? '/anthropic/v1/other' : chance.pick(dialect.paths(model, stream));
  return {
    number,
    client,
    credential,
    dialect,
    method: 'POST',
    path,
    query: [dialect.query(stream), credential !== null && chance.happens(0.02) ? `beta=${credential}` : ''].filter(Boolean).join('&'),
    headers: {
      'content-type': 'application/json',
      'user-agent': client,
      // What an agent sends beside its request, wittingly or not.
      ...(credential !== null && { ...dialect.credentialFields(credential), 'x-stainless-helper': credential, cookie: credential }),
    },
    body: Buffer.from(chance.happens(0.04) ? body.slice(0, -1) : body),
    results,
    bringsAlong: earlier?.number ?? null,
  };
};

const ask = async (parts: ClientParts, agent: Agent, credential: string | null, results: readonly ToolResult[]): Promise<Exchange> => {
  const { chance, listener, nextNumber } = parts;
  const site = await present(parts);
  const asked = askedOf(parts, agent, nextNumber(), credential, results);
  const leavesAfterMs = chance.happens(0.12) ? chance.below(120) : null;
  return exchange(asked, { site, chance, listener, door: site.modelDoor(asked.number), leavesAfterMs });
};

/** A plain request or a tunnel, to a host of the world. */
const connect = async (parts: ClientParts, agent: Agent, credential: string | null): Promise<void> => {
  const { chance, listener, nextNumber } = parts;
  const site = await present(parts);
  const number = nextNumber();
  const host = `n${number}.${chance.pick(hostDomains)}`;
  const door = site.networkDoor(number);
  if (chance.happens(0.6)) return openTunnel(tunnelTo(chance, number, host, hasTls(host), credential), { site, chance, listener });
  const says = { 'content-type': 'text/plain', 'x-other': 'kept', cookie: 'a=b', connection: 'keep-alive, X-Hop', 'x-hop': 'yes' };
  const asked: Asked = {
    number,
    client: agent.client,
    credential,
    dialect: null,
    method: chance.pick(['GET', 'POST', 'HEAD']),
    path: `${chance.happens(0.03) ? 'ftp' : 'http'}://${host}/some/path`,
    query: chance.pick(['', 'a=b']),
    headers: credential === null ? says : { ...says, 'proxy-authorization': basic(credential), 'x-leak': credential },
    body: Buffer.from(`say-${number}`),
    results: [],
    bringsAlong: null,
  };
  const leavesAfterMs = chance.happens(0.12) ? chance.below(120) : null;
  await exchange(asked, { site, chance, listener, door: door.handle, leavesAfterMs });
};

/** What somebody shows who is not the runner. */
const anotherKey = (chance: Chance): string | null => (chance.happens(0.5) ? null : 'swr_of-another-run');

/** Renews the lease until told to stop, as a runner does, and proves who started it when asked to; some runners are lost on the way. */
const keepAlive = async (parts: ClientParts, run: OpenedRun, { userId, proves }: Agent, beating: () => boolean): Promise<void> => {
  const { life, chance, site } = parts;
  while (beating()) {
    const now = site();
    const another = { ...run, runnerKey: anotherKey(chance) };
    if (now?.heartbeat(chance.happens(0.03) ? another : run) === 'prove' && proves && chance.happens(0.8))
      void now.prove(chance.happens(0.1) ? another : run, chance.happens(0.05) ? 'user_other' : userId);
    await life.pause('heartbeat', chance.happens(0.08) ? chance.pick([chance.between(29_500, 32_000), 45_000]) : 10_000);
  }
};

const work = async (parts: ClientParts, agent: Agent, run: OpenedRun): Promise<void> => {
  const { chance, life } = parts;
  const { credential } = run;
  let beating = true;
  void keepAlive(parts, run, agent, () => beating);
  let results: readonly ToolResult[] = [];
  const connections: Promise<void>[] = [];
  for (let turn = chance.between(agent.bulky ? 12 : 1, agent.bulky ? 20 : 6); turn > 0; turn -= 1) {
    const shown = chance.happens(0.05) ? 'sw_forged' : credential;
    const beside = chance.happens(0.15) ? ask(parts, agent, credential, []) : null;
    if (chance.happens(0.3)) connections.push(connect(parts, agent, shown));
    const answer = await ask(parts, agent, shown, results);
    results = callsGiven(answer).map(({ id, name }) => ({ id: text(id), name, failed: chance.happens(0.2) }));
    await beside;
    // There is no space: an agent that has much to say ends its run.
    if (agent.bulky && answer.headers['x-sealwright-denial'] === 'record_unavailable' && chance.happens(0.5)) break;
    await life.pause('agent works', chance.pick(agent.proves ? [1, 10, 100, 300, 1_500, 12_000] : [100, 12_000, 25_000]));
  }
  const ending = chance.pick(
    agent.bulky ? ['close', 'close', 'close in a hurry'] : ['close', 'close in a hurry', 'close in a hurry', 'abandon', 'outlive'],
  );
  if (ending === 'close') await close(parts, run, agent);
  if (ending === 'close in a hurry') {
    const late = chance.happens(0.7) ? ask(parts, agent, credential, results) : connect(parts, agent, credential);
    await life.pause('agent is about to close', chance.below(150));
    await close(parts, run, agent);
    await late;
  }
  beating = false;
  if (ending === 'outlive') await life.pause('agent outlives its lease', 42_000);
  if (ending !== 'abandon' && chance.happens(0.5)) await ask(parts, agent, credential, []);
  await Promise.all(connections);
};

/** What a runner found in a folder in which much has changed. */
const manyFacts = {
  files: Array.from({ length: 60 }, (_, number) => `${number} ${'changed/'.repeat(60)}`),
  folders: Array.from({ length: 30 }, (_, number) => `${number} ${'changed/'.repeat(60)}`),
};

const close = async (parts: ClientParts, run: OpenedRun, { bulky }: Agent): Promise<void> => {
  const now = await present(parts);
  const known = parts.chance.happens(0.1) ? { ...run, runnerKey: anotherKey(parts.chance) } : run;
  await Promise.race([now.close(known, bulky ? manyFacts : {}), now.lost]);
};

/** One agent from its first invocation to its last. */
export const runAgent = async (parts: ClientParts): Promise<void> => {
  const { chance, life, bulky } = parts;
  const dialect = chance.pick([...dialects, dialects[0]]);
  const agent: Agent = {
    client: chance.pick(dialect.clients),
    dialect,
    userId: chance.pick(invokers),
    bulky,
    proves: chance.happens(0.85),
    shown: null,
  };
  for (let runs = chance.between(1, 2); runs > 0; runs -= 1) {
    await life.pause('agent starts', chance.below(3_000));
    agent.shown = null;
    if (chance.happens(0.1)) await ask(parts, agent, chance.pick([null, `sw_${'A'.repeat(43)}`]), []);
    const now = await present(parts);
    const role = chance.pick(roles);
    const opening = now.open(role, agent.client, agent.userId);
    if (chance.happens(0.05)) void stopAtOpening(now, chance, role);
    const opened = await Promise.race([opening, now.lost]);
    if (opened !== null && opened !== 'lost') await work(parts, agent, opened);
  }
};
