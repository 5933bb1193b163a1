// One life of the envelope in the simulated world: the real ledger, invocations, stops, endpoints, gate and doors over a disk, a clock and an outside
// that are not.
// Contract: what the invariants watch is watched from outside of these parts; `planted` may put a bug between any two of them.
// Starting fails with the ledger's own problem.

import { createEnforce } from '../../src/control-plane.ts';
import type { Random } from '../../src/core/clock.ts';
import { direct } from '../../src/core/endpoint.ts';
import { uuidv7 } from '../../src/core/identifier.ts';
import type { Recorder } from '../../src/core/receipt.ts';
import type { Cross, Stages } from '../../src/core/stages.ts';
import { judgeDestination } from '../../src/dial/dial.ts';
import type { Disk } from '../../src/disk/disk.ts';
import { createModelDoor } from '../../src/doors/model/model.ts';
import type { ForwardParts } from '../../src/doors/network/forward.ts';
import { createForward } from '../../src/doors/network/forward.ts';
import { createNetworkDoor } from '../../src/doors/network/network.ts';
import { createEndpoints } from '../../src/endpoints/endpoints.ts';
import type { Send } from '../../src/endpoints/http.ts';
import { openRoutes, transportsOf } from '../../src/endpoints/transports.ts';
import { stampOf } from '../../src/core/stamp.ts';
import { createGate } from '../../src/gate/gate.ts';
import { createDesk } from '../../src/invocations/desk.ts';
import type { Invocations } from '../../src/invocations/invocations.ts';
import { createInvocations, endedDenial } from '../../src/invocations/invocations.ts';
import type { Stops } from '../../src/invocations/stops.ts';
import { createStops } from '../../src/invocations/stops.ts';
import { createStrangers } from '../../src/invocations/strangers.ts';
import type { UnderWay } from '../../src/invocations/under-way.ts';
import { createUnderWay, endingConnections } from '../../src/invocations/under-way.ts';
import type { Ledger, LedgerProblem } from '../../src/ledger/ledger.ts';
import { isLedgerProblem, openLedger } from '../../src/ledger/ledger.ts';
import { createDeniedContent } from '../../src/privacy/privacy.ts';
import { composeStages, keyedDigest } from '../../src/spine.ts';
import { createReadingMemories } from '../../src/wire/reading-memory.ts';
import { ledgerSettings } from './ledger-settings.ts';
import type { Watch } from './watch.ts';
import type { WatchedMemory } from './memory.ts';
import { watchMemory } from './memory.ts';
import type { Chance, Life } from './schedule.ts';
import type { Trouble } from './weather.ts';
import type { Person, Site } from './site.ts';
import { agentOf, agents, canonicalTool, configuredRoles, decisions, delegation, environment, places, reproveMs, secondsOf, staff, termsFor } from './world.ts'; // prettier-ignore

/** Bugs put between the parts. Each wraps what it is given; none by default. */
export interface Planted {
  readonly disk?: (disk: Disk) => Disk;
  readonly recorder?: (recorder: Recorder) => Recorder;
  readonly stages?: (stages: Stages) => Stages;
  readonly invocations?: (invocations: Invocations) => Invocations;
  readonly transport?: (send: Send) => Send;
  readonly site?: (site: Site) => Site;
}

export interface EnvelopeParts {
  readonly life: Life;
  readonly lost: Promise<'lost'>;
  readonly chance: Chance;
  readonly random: Random;
  readonly disk: Disk;
  readonly upstream: Send;
  readonly destinations: Pick<ForwardParts, 'reach' | 'send'>;
  readonly invariants: Watch;
  readonly digestKeys: Map<string, Uint8Array>;
  /** Bytes that all bodies in flight may have. */
  readonly memoryBytes: number;
  readonly trouble: Trouble;
  readonly violated: (rule: string, what: string) => void;
  readonly count: (what: string) => void;
  readonly planted: Planted;
}

export interface Envelope {
  readonly site: Site;
  readonly ledger: Ledger;
  readonly memory: WatchedMemory;
  /** Crossings that the envelope believes to be under way. */
  readonly underWay: () => number;
  readonly stop: () => Promise<void>;
}

/** So few that they are used up now and then. */
const tunnelsMax = 4;

const watchRecorder = (recorder: Recorder, { appending, appended }: Watch): Recorder => ({
  append: async (body) => {
    appending(body);
    const result = await recorder.append(body);
    appended(body, result);
    return result;
  },
});

interface Running {
  readonly invocations: Invocations;
  readonly stops: Stops;
  readonly underWay: UnderWay;
  readonly recorder: Recorder;
}

const createSite = (parts: EnvelopeParts, { invocations, stops, recorder }: Running, cross: Cross, memory: WatchedMemory): Site => {
  const { life, lost, random, invariants } = parts;
  const { clock } = life;
  const newCrossingId = (): string => uuidv7(clock, random);
  const stamp = () => stampOf(clock, random);
  /** By session, what somebody wants to open. */
  const wanted = new Map<string | null, Parameters<Watch['opening']>[0]>();
  const desk = createDesk({
    invocations,
    agents,
    roles: configuredRoles,
    keepManifest: async () => null,
    prove: async (credential) => {
      await life.pause('the issuer is asked', parts.chance.below(25));
      const [userId = '', session = null, ...groups] = credential?.split(' ') ?? [];
      const run = wanted.get(session);
      if (run !== undefined) invariants.opening(run);
      return { invoker: { userId, assurance: 'oidc', issuer: 'issuer', groups }, sessionDigest: session, actors: [] };
    },
    mayDelegate: ({ invoker, role }) => delegation(invoker.userId, role, invoker.groups),
    mayUse: () => false,
    stopped: stops.denialFor,
    recorder,
    stamp,
    clock,
  });
  const by = ([userId, assurance]: Person) => ({
    invoker: { userId, assurance, issuer: assurance === 'local_development' ? null : 'issuer', groups: [] },
    decision: delegation(userId, 'worker'),
  });
  const watched =
    (number: number): Cross =>
    async (received, delivery) => {
      invariants.accepted(number, received);
      const crossed = await cross(received, delivery);
      invariants.crossed(number, crossed);
      memory.over(number);
      return crossed;
    };
  const doorParts = (number: number) => ({
    cross: watched(number),
    clock,
    newCrossingId,
    invocationId: (credential: string | null): string | null => {
      const invocation = invocations.identify(credential);
      return 'denial' in invocation ? null : invocation.id;
    },
    turnedAway: () => undefined,
  });
  let sessions = 0;
  const newSession = (): string => `session-${clock.wallMs()}-${++sessions}`;
  return {
    life,
    lost,
    open: async (role, client, userId) => {
      const session = newSession();
      const opening = {
        agent: agentOf(client),
        role,
        agentVersion: null,
        agentDigest: null,
        task: null,
        containment: 'advisory',
        facts: {},
      } as const;
      wanted.set(session, { role, client, userId, session });
      const opened = await desk.open(opening, [userId, session, ...staff].join(' '));
      if ('problem' in opened) {
        invariants.notOpened(session, { role, userId });
        return null;
      }
      const { credential, runnerKey, invocation } = opened;
      invariants.opened({ id: invocation.id, credential, runnerKey, role, client, userId, session });
      return { id: invocation.id, credential, runnerKey };
    },
    heartbeat: ({ id, runnerKey }) => {
      const answer = desk.heartbeat(id, runnerKey);
      if (answer === 'ended') invariants.notRenewed(id, runnerKey);
      else invariants.renewed(id, runnerKey, answer === 'prove');
      return answer;
    },
    prove: async ({ id, runnerKey }, userId) => {
      const session = newSession();
      const groups = parts.chance.happens(0.1) ? [] : staff;
      const proof = await desk.prove(id, runnerKey, [userId, session, ...groups].join(' '));
      if (proof === 'proved') invariants.proved({ id, runnerKey }, { userId, session, groups });
      else invariants.notProved({ id, runnerKey }, { userId, groups });
    },
    close: async ({ id, runnerKey }, facts) => {
      const closed = await desk.close(id, runnerKey, facts);
      invariants.runEnded(id, runnerKey, !('problem' in closed));
    },
    modelDoor: (number) => createModelDoor({ ...doorParts(number), listModels: () => [] }),
    networkDoor: (number) => createNetworkDoor({ ...doorParts(number), letGo: () => undefined }),
    bodies: memory.requests,
    stop: async (scope, person) => {
      invariants.pulled(scope);
      await stops.stop(scope, 'somebody said so', by(person));
    },
    lift: async (id, person) => {
      await stops.lift(id, 'it was looked into', by(person));
    },
    stops: () => stops.inForce().map(({ id }) => id),
    signOut: (session) => {
      const ending = invocations.closeWhere((_invocation, digest) => digest === session, 'logged_out', {});
      invariants.signedOut(session);
      void ending;
    },
  };
};

/** Opens the ledger, takes back what was open, and stands ready. */
export const startEnvelope = async (parts: EnvelopeParts): Promise<Envelope | LedgerProblem> => {
  const { life, random, planted, invariants, digestKeys } = parts;
  const { clock } = life;
  const disk = planted.disk?.(parts.disk) ?? parts.disk;
  const ledger = await openLedger(ledgerSettings, { disk, clock, random });
  if (isLedgerProblem(ledger)) return ledger;
  const underWay = createUnderWay();
  const recorder = endingConnections(watchRecorder(planted.recorder?.(ledger) ?? ledger, invariants), underWay);
  const memories = createReadingMemories();
  const denied = createDeniedContent({ store: { read: async () => null, write: async () => undefined }, clock, random });
  const real = createInvocations({
    clock,
    random,
    recorder,
    digest: keyedDigest,
    newDigestKey: async (id) => {
      const key = random.bytes(32);
      digestKeys.set(id, key);
      return key;
    },
    keptDigestKey: async (id) => digestKeys.get(id) ?? null,
    starting: denied.recall,
    ended: (id, because) => {
      memories.forget(id);
      denied.forget(id);
      underWay.cutOff(({ invocationId }) => invocationId === id, endedDenial(because));
    },
    reproveMs,
  });
  const invocations = planted.invocations?.(real) ?? real;
  invariants.started(parts.trouble);
  await invocations.restore(ledger.found.openInvocations);
  const stamp = () => stampOf(clock, random);
  const stops = createStops({ recorder, stamp, enforce: createEnforce(underWay, invocations), found: ledger.found.stops });
  const routes = openRoutes(places, {
    sources: { clock, environment, readFile: async () => '', run: async () => '' },
    readFile: () => new Uint8Array(),
    send: planted.transport?.(parts.upstream) ?? parts.upstream,
  });
  if ('problem' in routes) throw new Error(routes.problem);
  const strangers = createStrangers(clock, recorder, stamp);
  const memory = watchMemory(parts.memoryBytes, tunnelsMax, parts.violated, parts.count);
  const composed = composeStages({
    toolName: canonicalTool,
    clock,
    random,
    recorder,
    invocations,
    decisions,
    endpoints: createEndpoints(places, transportsOf(routes), { clock, random }),
    network: {
      termsFor,
      forward: createForward({ ...parts.destinations, via: direct, judgeFor: (addresses) => judgeDestination(addresses, () => false) }),
    },
    privacy: { mode: 'off', denied_content: 'mask' },
    denied,
    memories,
    stops,
    underWay,
    responseSecondsMax: secondsOf,
    shares: { bodies: memory.answers, tunnels: memory.tunnels },
    unidentified: strangers.seen,
  });
  const cross = createGate(planted.stages?.(composed) ?? composed, clock, () => uuidv7(clock, random));
  const site = createSite(parts, { invocations, stops, underWay, recorder }, cross, memory);
  return {
    site: planted.site?.(site) ?? site,
    ledger,
    memory,
    underWay: () => underWay.cutOff(() => true, endedDenial('closed')),
    stop: async () => {
      invariants.stopping();
      invocations.stop();
      await strangers.flush();
      await denied.flush();
      await ledger.close();
    },
  };
};
