// One life of the envelope in the simulated world: the real ledger, invocations, endpoints, gate and door over a disk, a clock and an upstream that are not.
// Contract: what the invariants watch is watched from outside of these parts; `planted` may put a bug between any two of them.
// Starting fails with the ledger's own problem.

import type { Random } from '../../src/core/clock.ts';
import type { Decision } from '../../src/core/decision.ts';
import { uuidv7 } from '../../src/core/identifier.ts';
import type { Recorder } from '../../src/core/receipt.ts';
import type { Cross, Stages } from '../../src/core/stages.ts';
import type { Disk } from '../../src/disk/disk.ts';
import { createModelDoor } from '../../src/doors/model/model.ts';
import type { EndpointSettings } from '../../src/endpoints/config.ts';
import type { Transport } from '../../src/endpoints/endpoints.ts';
import { createEndpoints } from '../../src/endpoints/endpoints.ts';
import { createGate } from '../../src/gate/gate.ts';
import { createShares } from '../../src/invocations/admission.ts';
import type { Invocations } from '../../src/invocations/invocations.ts';
import { createInvocations, endedDenial } from '../../src/invocations/invocations.ts';
import { createUnderWay } from '../../src/invocations/under-way.ts';
import type { Ledger, LedgerProblem } from '../../src/ledger/ledger.ts';
import { isLedgerProblem, openLedger } from '../../src/ledger/ledger.ts';
import type { Decisions } from '../../src/policy/decide.ts';
import { composeStages, keyedDigest } from '../../src/spine.ts';
import { createDeniedContent } from '../../src/privacy/privacy.ts';
import { createReadingMemories } from '../../src/wire/reading-memory.ts';
import type { Site } from './clients.ts';
import type { Invariants } from './invariants.ts';
import type { Life } from './schedule.ts';

/** Bugs put between the parts. Each wraps what it is given; none by default. */
export interface Planted {
  readonly disk?: (disk: Disk) => Disk;
  readonly recorder?: (recorder: Recorder) => Recorder;
  readonly stages?: (stages: Stages) => Stages;
  readonly invocations?: (invocations: Invocations) => Invocations;
  readonly transport?: (transport: Transport) => Transport;
  readonly site?: (site: Site) => Site;
}

export interface EnvelopeParts {
  readonly life: Life;
  readonly lost: Promise<'lost'>;
  readonly random: Random;
  readonly disk: Disk;
  readonly upstream: Transport;
  readonly invariants: Invariants;
  readonly digestKeys: Map<string, Uint8Array>;
  /** Whether the disk gave cause to refuse anything. */
  readonly troubled: () => boolean;
  readonly planted: Planted;
}

export interface Envelope {
  readonly site: Site;
  readonly ledger: Ledger;
  readonly stop: () => Promise<void>;
}

const rules: Readonly<
  Record<string, { readonly models: readonly string[]; readonly tools: readonly string[]; readonly seconds: number | null }>
> = {
  worker: { models: ['fast-1'], tools: ['get_order_status', 'create_ticket'], seconds: null },
  hurried: { models: ['fast-1'], tools: ['get_order_status'], seconds: 1 },
  watched: { models: [], tools: [], seconds: null },
};

/** Whether the role may, as the world knows it: `watched` is only observed. */
export const permitted = (role: string, what: { readonly model: string } | { readonly tool: string }): boolean =>
  role === 'watched' || ('model' in what ? rules[role]?.models.includes(what.model) : rules[role]?.tools.includes(what.tool)) === true;

const decisionOf = (permit: boolean, role: string): Decision => ({
  verdict: permit ? 'permit' : 'deny',
  policies: permit ? [`role-${role}`] : [],
  reason: permit ? 'The role may.' : 'No policy permits it.',
  mode: role === 'watched' ? 'observe' : 'enforce',
  request: null,
  observed: null,
});

const decisions: Decisions = {
  decideModel: ({ invocation: { role }, candidates }) => {
    const candidate = candidates.find(({ pin }) => rules[role]?.models.includes(pin)) ?? candidates[0] ?? null;
    return { decision: decisionOf(candidate !== null && rules[role]?.models.includes(candidate.pin) === true, role), candidate };
  },
  decideTool: ({ invocation: { role }, tool }) => decisionOf(rules[role]?.tools.includes(tool) === true, role),
  decideConnection: ({ invocation: { role } }) => decisionOf(false, role),
};

const places: Readonly<Record<string, EndpointSettings>> = {
  claude: {
    formats: ['anthropic-messages'],
    topology: 'vendor',
    provider: 'scripted',
    region: 'nowhere',
    streaming: 'incremental',
    models: [{ pin: 'fast-1', also_called: ['fast'] }, { pin: 'forbidden-1' }],
  },
};

export const ledgerFolder = '/data/ledger';

const ledgerSettings = {
  directory: ledgerFolder,
  privateDirectory: '/data/private',
  stateDirectory: '/data/state',
  deploymentName: 'sim',
  retentionClass: 'standard',
  environment: 'development',
  deployment: 'laptop',
  release: 'none',
  segmentBytes: 512 * 1024,
  knownCheckpoints: [],
};

const watchRecorder = (recorder: Recorder, { appending, appended }: Invariants): Recorder => ({
  append: async (body) => {
    appending(body);
    const result = await recorder.append(body);
    appended(body, result);
    return result;
  },
});

const createSite = (parts: EnvelopeParts, cross: Cross, invocations: Invocations): Site => {
  const { life, lost, random, invariants } = parts;
  return {
    life,
    lost,
    open: async (role, client) => {
      const opened = await invocations.open({
        agent: { id: `agent-${client}`, client, version: null, digest: null },
        invoker: { userId: 'user_1', assurance: 'local_development', issuer: null, groups: [] },
        role,
        dataClassification: 'internal',
        containment: 'advisory',
        sessionDigest: null,
        task: null,
        facts: {},
      });
      if ('refused' in opened) return null;
      invariants.opened(opened.invocation.id, opened.credential, role);
      return { id: opened.invocation.id, credential: opened.credential };
    },
    heartbeat: (id) => {
      const alive = invocations.heartbeat(id) !== 'ended';
      if (alive) invariants.renewed(id);
      return alive;
    },
    close: async (id) => {
      invariants.runEnded(id);
      await invocations.close(id, 'closed', {});
    },
    door: (number) =>
      createModelDoor({
        cross: async (received, delivery) => {
          invariants.accepted(number, received);
          const crossed = await cross(received, delivery);
          invariants.crossed(number, crossed);
          return crossed;
        },
        clock: life.clock,
        newCrossingId: () => uuidv7(life.clock, random),
        invocationId: (credential) => {
          const invocation = invocations.identify(credential);
          return 'denial' in invocation ? null : invocation.id;
        },
        listModels: () => [],
        turnedAway: () => undefined,
      }),
  };
};

/** Opens the ledger, takes back what was open, and stands ready. */
export const startEnvelope = async (parts: EnvelopeParts): Promise<Envelope | LedgerProblem> => {
  const { life, random, planted, invariants, digestKeys } = parts;
  const { clock } = life;
  const disk = planted.disk?.(parts.disk) ?? parts.disk;
  const ledger = await openLedger(ledgerSettings, { disk, clock, random });
  if (isLedgerProblem(ledger)) return ledger;
  const recorder = watchRecorder(planted.recorder?.(ledger) ?? ledger, invariants);
  const memories = createReadingMemories();
  const denied = createDeniedContent(keyedDigest);
  const underWay = createUnderWay();
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
    ended: (id, because) => {
      memories.forget(id);
      denied.forget(id);
      underWay.cutOff(({ invocationId }) => invocationId === id, endedDenial(because));
    },
    reproveMs: null,
  });
  const invocations = planted.invocations?.(real) ?? real;
  const endpoints = createEndpoints(places, () => planted.transport?.(parts.upstream) ?? parts.upstream, { clock, random });
  const composed = composeStages({
    toolName: (_client, name) => name,
    clock,
    random,
    recorder,
    invocations,
    decisions,
    endpoints,
    network: {
      termsFor: () => ({ tls: true, addresses: null, wildcard: null }),
      forward: async () => ({ failure: 'unreachable', reason: 'Nothing leads out.', attempts: 0 }),
    },
    privacy: { mode: 'off', denied_content: 'mask' },
    denied,
    memories,
    stops: { denialFor: () => null },
    underWay,
    responseSecondsMax: (role) => rules[role]?.seconds ?? null,
    shares: createShares(),
    unidentified: () => undefined,
  });
  const cross = createGate(planted.stages?.(composed) ?? composed, clock, () => uuidv7(clock, random));
  invariants.started(parts.troubled);
  await invocations.restore(ledger.found.openInvocations);
  const site = createSite(parts, cross, invocations);
  return {
    site: planted.site?.(site) ?? site,
    ledger,
    stop: async () => {
      invariants.stopping();
      invocations.stop();
      await ledger.close();
    },
  };
};
