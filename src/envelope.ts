// The long-lived process: opens the ledger, builds every room, joins them by the spine, and listens.
// Starts whole or not at all: a problem is one sentence that says what to do, and whatever was opened is closed again.
// Together with `main.ts` the only file that knows everyone.

import * as fs from 'node:fs';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import {
  activationRecord,
  createRelease,
  keepRelease,
  lastRelease,
  markActive,
  type Release,
  type ReleaseStore,
} from './changes/changes.ts';
import type { Config, LoadedConfig } from './config/config.ts';
import type { Clock, Random } from './core/clock.ts';
import type { Denial } from './core/denial.ts';
import type { FairShare } from './core/fair-share.ts';
import { limits } from './core/limits.ts';
import { shellWord } from './core/shell-word.ts';
import { isRefusal } from './core/receipt.ts';
import type { Stamp } from './core/stamp.ts';
import { stampOf } from './core/stamp.ts';
import type { Cross } from './core/stages.ts';
import type { Resolve } from './dial/connect.ts';
import { sharedFolderProblem } from './disk/data-folder.ts';
import { diskErrorName, type Disk } from './disk/disk.ts';
import { createDiagnostics, type Diagnostics, type LineSettings, type LineSink } from './diagnostics/diagnostics.ts';
import type { ModelDoorParts } from './doors/model/model.ts';
import { pinsByName } from './endpoints/endpoints.ts';
import { readingOnce, trustedCertificates } from './endpoints/transports.ts';
import { identityFiles, type Identity } from './identity/identity.ts';
import { createShares } from './invocations/admission.ts';
import { createInvocations, endedDenial, type Invocations } from './invocations/invocations.ts';
import { createStops } from './invocations/stops.ts';
import { createStrangers } from './invocations/strangers.ts';
import type { UnderWay } from './invocations/under-way.ts';
import { createUnderWay, endingConnections } from './invocations/under-way.ts';
import { createBlobs } from './ledger/blobs.ts';
import type { Ledger, LedgerSettings } from './ledger/ledger.ts';
import { isLedgerProblem, openLedger } from './ledger/ledger.ts';
import type { Policy } from './policy/policy.ts';
import { createPolicy, loadPolicyFiles } from './policy/policy.ts';
import { canonicalTool } from './runner/agents/adapters.ts';
import { createDeniedContent, createDeniedContentFiles } from './privacy/privacy.ts';
import { createReadingMemories } from './wire/reading-memory.ts';
import { composeControlPlane, createEnforce, type ControlPlane } from './control-plane.ts';
import { openListeners } from './listeners.ts';
import type { Stage } from './observation.ts';
import { openOutside } from './outside.ts';
import { composeListing, composeSpine, keyedDigest } from './spine.ts';

export interface EnvelopeParts {
  readonly loaded: LoadedConfig;
  readonly controlSocket: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Finds the addresses of a name; without it the system does. */
  readonly resolve?: Resolve;
  /** Diagnostics for the operator: one line each, without personal data. */
  readonly say: (line: string) => void;
  /** Where the lines of crossings go, and which; without it none is written. */
  readonly lines?: LineSettings & { readonly sink: LineSink };
}

export interface Envelope {
  readonly doors: { readonly model: string; readonly network: string; readonly admin: string };
  readonly release: string;
  readonly controlSocket: string;
  /** Verifier key of the ledger: to be kept elsewhere. */
  readonly vkey: string;
  /** Stops accepting, lets crossings end, signs final checkpoints. */
  readonly close: () => Promise<void>;
}

export interface EnvelopeProblem {
  readonly problem: string;
  /** What to do, as a sentence. */
  readonly next: string;
}

const folders = (dataDir: string) => {
  const inside = (name: string): string => join(dataDir, name);
  return { ledger: inside('ledger'), private: inside('private'), state: inside('state'), releases: inside('releases') };
};

export const startEnvelope = async (parts: EnvelopeParts): Promise<Envelope | EnvelopeProblem> => {
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    // Each is tried, whatever became of the one before: the ledger, which closes last, must not be left open.
    for (const close of closers.toReversed())
      await close().catch((problem: unknown) => parts.say(`closing failed: ${diskErrorName(problem)}`));
  };
  try {
    const started = await start(parts, closers);
    if ('problem' in started) {
      await closeAll();
      return started;
    }
    return { ...started, close: closeAll };
  } catch (problem) {
    await closeAll().catch(() => undefined);
    throw problem;
  }
};

export type Closers = (() => Promise<void>)[];

const start = async (parts: EnvelopeParts, closers: Closers): Promise<Omit<Envelope, 'close'> | EnvelopeProblem> => {
  const rooms = await openRooms(parts, closers);
  if ('problem' in rooms) return rooms;
  let forget = (): void => undefined;
  closers.push(async () => forget());
  const stage: Stage = { is: 'starting' };
  const opened = await openListeners(parts, rooms, stage, closers);
  if ('problem' in opened) return opened;
  stage.is = 'serving';
  // The first to be closed: what is still under way shortly before its connection is broken hears why.
  closers.push(async () => {
    stage.is = 'draining';
    forget = parts.clock.after(limits.drainMs - limits.drainNoticeMs, () => void rooms.underWay.cutOff(() => true, goingDown));
  });
  return opened;
};

const goingDown: Denial = { denial: 'stopped', problem: 'the envelope is being restarted or shut down. Ask again when it is back' };

/** What the listeners serve. */
export interface Rooms {
  readonly identity: Identity;
  readonly control: ControlPlane;
  readonly ledger: Ledger;
  readonly invocations: Invocations;
  readonly underWay: UnderWay;
  readonly cross: Cross;
  readonly listModels: ModelDoorParts['listModels'];
  readonly release: string;
  readonly bodies: FairShare;
  /** Ports that this envelope listens on; whoever opens one adds it. */
  readonly ownPorts: Set<number>;
  /** Counts attempts by callers whom nobody could identify. */
  readonly stranger: (from: string) => void;
  readonly diagnostics: Diagnostics;
}

interface Rules {
  readonly policy: Policy;
  readonly release: Release;
  readonly store: ReleaseStore;
  /** Reads each file once: what the release says of it is what is used of it. */
  readonly readFile: (path: string) => Uint8Array;
}

/** The policies, and the release that they make with the config and this version; kept before anything names it. */
const openRules = async ({ loaded, clock, disk, version }: EnvelopeParts): Promise<Rules | EnvelopeProblem> => {
  const { config, declared } = loaded;
  const others = dataFolderProblem(config.data_dir);
  if (others !== null) return others;
  const policy = openPolicy(config, clock);
  if ('problem' in policy) return policy;
  const readFile = readingOnce(fs.readFileSync);
  const release = createRelease({
    config: declared,
    policies: policy.files,
    trustedCertificates: trustedCertificates(config.endpoints, readFile),
    identityFiles: identityFiles(config.identity, readFile),
    compiledRoles: policy.compiledCedar(),
    packageVersion: version,
  });
  const store = { disk, folder: folders(config.data_dir).releases };
  const kept = await keepRelease(store, release);
  return 'problem' in kept ? { problem: kept.problem, next: doctorFirst(config.data_dir) } : { policy, release, store, readFile };
};

const openRecords = async (
  parts: EnvelopeParts,
  { release, store }: Rules,
  took: (ms: number) => void,
  closers: Closers,
): Promise<Ledger | EnvelopeProblem> => {
  const { clock, random, disk } = parts;
  const { config } = parts.loaded;
  const settings = await ledgerSettings(config, release.digest);
  if ('problem' in settings) return settings;
  const endOfTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  const ledger = await openLedger(settings, { disk, clock, random, endOfTurn, took });
  if (isLedgerProblem(ledger))
    return {
      problem: `The ledger refuses to start: ${ledger.problem}${ledger.file === undefined ? '' : ` (${ledger.file})`}.`,
      next: 'See docs/operate.md, section "The ledger refuses to start".',
    };
  const stamp = (): Stamp => stampOf(clock, random);
  closers.push(async () => {
    await ledger.append({ ...stamp(), stream: 'control', kind: 'change', change: { what: 'envelope_stopped' } });
    await ledger.close();
  });
  const activated = await ledger.append(activationRecord(stamp(), release, await lastRelease(store)));
  if (isRefusal(activated)) return { problem: `The ledger cannot record: ${activated.problem}`, next: doctorFirst(config.data_dir) };
  await markActive(store, release);
  return ledger;
};

/** What goes on at the moment: invocations, their crossings, and what a person stopped. */
const openRunning = async ({ loaded, clock, random, disk }: EnvelopeParts, ledger: Ledger) => {
  const { data_dir: dataDir, identity } = loaded.config;
  const memories = createReadingMemories();
  const store = createDeniedContentFiles(disk, join(folders(dataDir).private, 'denied-content'));
  const denied = createDeniedContent({ store, clock, random });
  const underWay = createUnderWay();
  const recorder = endingConnections(ledger, underWay);
  const invocations = createInvocations({
    clock,
    random,
    recorder,
    digest: keyedDigest,
    ...digestKeys(disk, folders(dataDir).private, random),
    starting: denied.recall,
    ended: (id, because) => {
      memories.forget(id);
      denied.forget(id);
      underWay.cutOff(({ invocationId }) => invocationId === id, endedDenial(because));
    },
    reproveMs: identity.local_development === true ? null : identity.reprove_minutes * 60_000,
  });
  await invocations.restore(ledger.found.openInvocations);
  const stops = createStops({
    recorder,
    stamp: () => stampOf(clock, random),
    enforce: createEnforce(underWay, invocations),
    found: ledger.found.stops,
  });
  return { memories, denied, underWay, recorder, invocations, stops };
};

/** Everything that a crossing passes, from the policies to the ledger, and the control plane beside it. */
const openRooms = async (parts: EnvelopeParts, closers: Closers): Promise<Rooms | EnvelopeProblem> => {
  const { loaded, clock, random, disk } = parts;
  const { config } = loaded;
  const stamp = (): Stamp => stampOf(clock, random);
  const rules = await openRules(parts);
  if ('problem' in rules) return rules;
  const diagnostics = openDiagnostics(parts);
  const ledger = await openRecords(parts, rules, diagnostics.committedIn, closers);
  if ('problem' in ledger) return ledger;
  const running = await openRunning(parts, ledger);
  const { invocations, stops } = running;
  const strangers = createStrangers(clock, ledger, stamp);
  closers.push(async () => {
    invocations.stop();
    await strangers.flush();
    await running.denied.flush();
  });
  const { readFile: read } = rules;
  const outside = await openOutside(parts, { privateFolder: folders(config.data_dir).private, readFile: read }, closers);
  if ('problem' in outside) return outside;
  const { identity, endpoints, network, ownPorts } = outside;
  const { policy, release } = rules;
  const shares = createShares();
  const shared = { ...running, clock };
  const spine = {
    toolName: canonicalTool,
    ...shared,
    random,
    decisions: policy,
    endpoints,
    network,
    privacy: config.privacy,
    responseSecondsMax: (role: string) => config.agent_roles[role]?.max_response_time_seconds ?? null,
    shares,
    unidentified: strangers.seen,
  };
  const cross = composeSpine(spine, diagnostics.accounts);
  const control = composeControlPlane({
    ...shared,
    identity,
    localUser: config.identity.local_development === true ? userName() : null,
    policy,
    stops,
    stamp,
    agents: config.agents,
    roles: config.agent_roles,
    models: pinsByName(config.endpoints),
    keepManifest: createBlobs(disk, folders(config.data_dir).ledger),
  });
  const listModels = composeListing({ invocations, decisions: policy, endpoints });
  const { underWay } = running;
  const served = { identity, control, ledger, invocations, underWay, cross, listModels, bodies: shares.bodies, ownPorts, diagnostics };
  const stranger = (from: string): void => {
    diagnostics.turnedAway(from);
    strangers.seen(from);
  };
  return { ...served, release: release.digest, stranger };
};

const noLines = { format: 'text', level: 'off', sink: { write: () => undefined, waitingBytes: () => 0 } } as const;

const openDiagnostics = ({ clock, lines = noLines }: EnvelopeParts): Diagnostics => createDiagnostics(lines, { sink: lines.sink, clock });

/** The user whose process this is; where the system has no name for the id, the id. */
const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
};

const dataFolderProblem = (dataDir: string): EnvelopeProblem | null => {
  const problem = sharedFolderProblem(dataDir, folders(dataDir).private);
  return problem === null
    ? null
    : {
        problem: `The data folder is not ours alone: ${problem}.`,
        next: 'Change its rights, or name another with `data_dir` or `--data DIR`.',
      };
};

const doctorFirst = (dataDir: string): string => `Run \`sealwright doctor --data ${shellWord(dataDir)}\`.`;

const openPolicy = (config: Config, clock: Clock): Policy | EnvelopeProblem => {
  const { folder } = config.policies;
  const loaded = folder === null ? { files: [] } : loadPolicyFiles(folder, { files: fs, userId: process.getuid?.() ?? null });
  const policy = 'problems' in loaded ? loaded : createPolicy(config, loaded.files, clock);
  if (!('problems' in policy)) return policy;
  const [first] = policy.problems;
  const place = first === undefined ? '' : `${first.file}${first.line === null ? '' : `:${first.line}`}: ${first.message}`;
  return { problem: `The policies do not validate. ${place}`, next: 'Run `sealwright check` for all of it.' };
};

const ledgerSettings = async (config: Config, release: string): Promise<LedgerSettings | EnvelopeProblem> => {
  const data = folders(config.data_dir);
  const { known_checkpoints: known } = config.ledger;
  let knownCheckpoints: readonly string[] = [];
  try {
    if (known !== undefined) knownCheckpoints = notesIn(await readFile(known, 'utf8'));
  } catch (problem) {
    return {
      problem: `The checkpoints at ${known} could not be read (${diskErrorName(problem)}).`,
      next: 'Correct `ledger.known_checkpoints`.',
    };
  }
  return {
    directory: data.ledger,
    privateDirectory: data.private,
    stateDirectory: data.state,
    deploymentName: config.ledger.name,
    retentionClass: config.ledger.retention_class,
    environment: config.environment,
    deployment: config.server.deployment,
    release,
    segmentBytes: config.ledger.segment_bytes,
    knownCheckpoints,
  };
};

/** Signed notes, one behind the other, as `checkpoint` files are. */
const notesIn = (text: string): readonly string[] => text.split(/(?<=\n)(?=[^\n]+\n\d+\n[^\n]+\n\n— )/);

const digestKeyBytes = 32;

/** Each invocation has a key of its own, so that erasing one file makes its digests unlinkable. */
const digestKeys = (disk: Disk, privateFolder: string, random: Random) => {
  const path = (invocationId: string): string => join(privateFolder, 'invocations', `${invocationId}.key`);
  return {
    newDigestKey: async (invocationId: string): Promise<Uint8Array> => {
      const key = random.bytes(digestKeyBytes);
      await disk.replaceFiles([{ path: path(invocationId), bytes: key }]);
      return key;
    },
    keptDigestKey: async (invocationId: string): Promise<Uint8Array | null> => {
      const key = await disk.readFile(path(invocationId));
      // A shorter one could be guessed, and with it what the digests stand for.
      return key?.length === digestKeyBytes ? key : null;
    },
  };
};
