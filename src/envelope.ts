// The long-lived process: opens the ledger, builds every room, joins them by the spine, and listens.
// Starts whole or not at all: a problem is one sentence that says what to do, and whatever was opened is closed again.
// Together with `main.ts` the only file that knows everyone.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createControlApp, createHealthApp, renderControlRefusal, serveApp } from './admin/admin.ts';
import type { ControlParts } from './admin/admin.ts';
import { activationRecord, createRelease, keepRelease, lastRelease, markActive } from './changes/changes.ts';
import type { Config, LoadedConfig } from './config/config.ts';
import type { Clock, Random } from './core/clock.ts';
import type { Denial } from './core/denial.ts';
import { sentenceOf } from './core/denial.ts';
import type { PlainAnswer } from './core/http.ts';
import { uuidv7 } from './core/identifier.ts';
import { limits } from './core/limits.ts';
import { shellWord } from './core/shell-word.ts';
import { isRefusal } from './core/receipt.ts';
import type { Stamp } from './core/record.ts';
import type { Cross } from './core/stages.ts';
import { createDial } from './dial/dial.ts';
import { sharedFolderProblem } from './disk/data-folder.ts';
import { diskErrorName, type Disk } from './disk/disk.ts';
import type { ModelDoorParts } from './doors/model/model.ts';
import { createModelDoor, renderRefusal } from './doors/model/model.ts';
import type { SecretSources } from './endpoints/credentials.ts';
import { createEndpoints } from './endpoints/endpoints.ts';
import { openRoutes, readingOnce, transportsOf, trustedCertificates } from './endpoints/transports.ts';
import { stampOf } from './gate/recording.ts';
import { createIdentity } from './identity/identity.ts';
import { createSubjectFile } from './identity/subject-file.ts';
import { createDesk } from './invocations/desk.ts';
import { createDigestCache } from './invocations/digest-cache.ts';
import { createInvocations, type Invocations } from './invocations/invocations.ts';
import { createStrangers } from './invocations/strangers.ts';
import { createBlobs } from './ledger/blobs.ts';
import type { Ledger, LedgerSettings } from './ledger/ledger.ts';
import { isLedgerProblem, openLedger } from './ledger/ledger.ts';
import type { Policy } from './policy/policy.ts';
import { createPolicy, loadPolicyFiles } from './policy/policy.ts';
import type { BodyBudget, Listener, ListenerSettings } from './server/server.ts';
import { createBodyBudget, listen } from './server/server.ts';
import { makeRoomForSocket } from './server/unix-socket.ts';
import { createReadingMemories } from './wire/reading-memory.ts';
import { composeListing, composeSpine, keyedDigest } from './spine.ts';

export interface EnvelopeParts {
  readonly loaded: LoadedConfig;
  readonly controlSocket: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Diagnostics for the operator: one line each, without personal data. */
  readonly say: (line: string) => void;
}

export interface Envelope {
  readonly doors: { readonly model: string; readonly admin: string };
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

type Closers = (() => Promise<void>)[];

const start = async (parts: EnvelopeParts, closers: Closers): Promise<Omit<Envelope, 'close'> | EnvelopeProblem> => {
  const rooms = await openRooms(parts, closers);
  return 'problem' in rooms ? rooms : openListeners(parts, rooms, closers);
};

interface Rooms {
  readonly ledger: Ledger;
  readonly invocations: Invocations;
  readonly cross: Cross;
  readonly listModels: ModelDoorParts['listModels'];
  readonly release: string;
  readonly bodies: BodyBudget;
  /** Counts attempts by callers whom nobody could identify. */
  readonly stranger: (from: string) => void;
}

/** Everything that a crossing passes, from the policies to the ledger. */
const openRooms = async (parts: EnvelopeParts, closers: Closers): Promise<Rooms | EnvelopeProblem> => {
  const { loaded, clock, random, disk } = parts;
  const { config } = loaded;
  const data = folders(config.data_dir);
  const stamp = (): Stamp => stampOf(clock, random);

  const others = dataFolderProblem(config.data_dir);
  if (others !== null) return others;
  const policy = openPolicy(config);
  if ('problem' in policy) return policy;
  const readFile = readingOnce(fs.readFileSync);
  const release = createRelease({
    config: loaded.declared,
    policies: policy.files,
    trustedCertificates: trustedCertificates(config.endpoints, readFile),
    compiledRoles: policy.compiledCedar(),
    packageVersion: parts.version,
  });
  const store = { disk, folder: data.releases };
  const kept = await keepRelease(store, release);
  if ('problem' in kept) return { problem: kept.problem, next: doctorFirst(config.data_dir) };
  const settings = await ledgerSettings(config, release.digest);
  if ('problem' in settings) return settings;
  const ledger = await openLedger(settings, { disk, clock, random });
  if (isLedgerProblem(ledger))
    return {
      problem: `The ledger refuses to start: ${ledger.problem}${ledger.file === undefined ? '' : ` (${ledger.file})`}.`,
      next: 'See docs/operate.md, section "The ledger refuses to start".',
    };
  closers.push(async () => {
    await ledger.append({ ...stamp(), stream: 'control', kind: 'change', change: { what: 'envelope_stopped' } });
    await ledger.close();
  });

  const activated = await ledger.append(activationRecord(stamp(), release, await lastRelease(store)));
  if (isRefusal(activated)) return { problem: `The ledger cannot record: ${activated.problem}`, next: doctorFirst(config.data_dir) };
  await markActive(store, release);

  const memories = createReadingMemories();
  const invocations = createInvocations({
    clock,
    random,
    recorder: ledger,
    digest: keyedDigest,
    ...digestKeys(disk, data.private, random),
    ended: memories.forget,
  });
  await invocations.restore(ledger.found.openInvocations);
  const strangers = createStrangers(clock, ledger, stamp);
  closers.push(async () => {
    invocations.stop();
    await strangers.flush();
  });
  const bodies = createBodyBudget(limits.bodiesInFlightBytes);
  const dial = createDial((hostname) => lookup(hostname, { all: true }));
  closers.push(() => dial.close());
  const routes = openRoutes(config.endpoints, { sources: secretSources(parts), readFile, send: dial.send });
  if ('problem' in routes) return { ...routes, next: 'Run `sealwright check`.' };
  const endpoints = createEndpoints(config.endpoints, transportsOf(routes), { clock, random });
  const listModels = composeListing({ invocations, decisions: policy, endpoints });
  const cross = composeSpine({
    clock,
    random,
    recorder: ledger,
    invocations,
    decisions: policy,
    endpoints,
    privacy: config.privacy,
    memories,
    responseSecondsMax: (role) => config.agent_roles[role]?.max_response_time_seconds ?? null,
    bodies,
    unidentified: strangers.seen,
  });
  return { ledger, invocations, cross, listModels, release: release.digest, bodies, stranger: strangers.seen };
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

const openPolicy = (config: Config): Policy | EnvelopeProblem => {
  const { folder } = config.policies;
  const loaded = folder === null ? { files: [] } : loadPolicyFiles(folder, { files: fs, userId: process.getuid?.() ?? null });
  const policy = 'problems' in loaded ? loaded : createPolicy(config, loaded.files);
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

/** Each invocation has a key of its own, so that erasing one file makes its digests unlinkable. */
const digestKeys = (disk: Disk, privateFolder: string, random: Random) => {
  const path = (invocationId: string): string => join(privateFolder, 'invocations', `${invocationId}.key`);
  return {
    newDigestKey: async (invocationId: string): Promise<Uint8Array> => {
      const key = random.bytes(32);
      await disk.replaceFiles([{ path: path(invocationId), bytes: key }]);
      return key;
    },
    keptDigestKey: (invocationId: string): Promise<Uint8Array | null> => disk.readFile(path(invocationId)),
  };
};

/** Where secrets are found on this machine. */
export const secretSources = ({ clock, environment }: Pick<EnvelopeParts, 'clock' | 'environment'>): SecretSources => ({
  clock,
  environment,
  readFile: (path) => readFile(path, 'utf8'),
  run: async ([program = '', ...args]) => (await promisify(execFile)(program, args, { timeout: limits.connectMs })).stdout,
});

const openListeners = async (parts: EnvelopeParts, rooms: Rooms, closers: Closers): Promise<Omit<Envelope, 'close'> | EnvelopeProblem> => {
  const { clock, random } = parts;
  const { cross, listModels, invocations, ledger, release, bodies, stranger: turnedAway } = rooms;
  const { host, ports } = parts.loaded.config.server;
  const hostNames = [host, 'localhost', '127.0.0.1', '[::1]'];
  const newCrossingId = (): string => uuidv7(clock, random);
  const known = (credential: string | null): boolean => !('denial' in invocations.identify(credential));
  const onError = (problem: unknown): void => parts.say(`internal error: ${diskErrorName(problem)}`);

  const model = await listening(
    {
      name: 'model',
      listen: { host, port: ports.model },
      hostNames,
      handle: createModelDoor({ cross, clock, newCrossingId, known, listModels, turnedAway }),
      refuse: renderRefusal,
      bodyLimit: 'requestBodyBytes',
      bodies,
      turnedAway,
      onError,
    },
    '`--port` or `server.ports.model`',
    closers,
  );
  if ('problem' in model) return model;
  const notReady = (): string | null => {
    const { state, problem } = ledger.standing();
    return state === 'open' ? null : `the ledger is ${state}: ${problem ?? 'no reason is known'}`;
  };
  const refuse = (denial: Denial): PlainAnswer => renderControlRefusal(denial.denial, sentenceOf(denial), 400);
  // A budget of its own: who may only ask for the health must not use up what crossings need.
  const planeBodies = createBodyBudget(limits.controlBodiesBytes);
  const plane = { bodyLimit: 'controlBodyBytes' as const, bodies: planeBodies, refuse, turnedAway, onError };
  const health = serveApp(createHealthApp({ notReady }), ['GET', 'HEAD']);
  const admin = await listening(
    { ...plane, name: 'admin', listen: { host, port: ports.admin }, hostNames, handle: health },
    '`--admin-port` or `server.ports.admin`',
    closers,
  );
  if ('problem' in admin) return admin;

  const urlHost = host.includes(':') ? `[${host}]` : host;
  const doors = { model: `http://${urlHost}:${model.port}`, admin: `http://${urlHost}:${admin.port}` };
  const controlApp = createControlApp({ ...controlParts(parts, rooms, doors), notReady });
  const control = await listenOnSocket(
    parts,
    { ...plane, name: 'control', hostNames: [], handle: serveApp(controlApp, ['GET', 'POST']) },
    closers,
  );
  return 'problem' in control ? control : { doors, release, controlSocket: parts.controlSocket, vkey: ledger.vkey };
};

const listening = async (settings: ListenerSettings, setting: string, closers: Closers): Promise<Listener | EnvelopeProblem> => {
  try {
    const listener = await listen(settings);
    closers.push(listener.close);
    return listener;
  } catch (problem) {
    const where = 'port' in settings.listen ? `${settings.listen.host}:${settings.listen.port}` : settings.listen.socketPath;
    return {
      problem: `The ${settings.name} listener cannot use ${where} (${diskErrorName(problem)}).`,
      next: `Something else may listen there; choose another place by ${setting}.`,
    };
  }
};

const listenOnSocket = async (
  { controlSocket, disk }: EnvelopeParts,
  plane: Omit<ListenerSettings, 'listen'>,
  closers: Closers,
): Promise<Listener | EnvelopeProblem> => {
  // A folder that cannot be made is said by what looks for it next.
  await disk.createFolder(dirname(controlSocket)).catch(() => undefined);
  const problem = await makeRoomForSocket(controlSocket);
  if (problem !== null) return { problem, next: 'Stop what is there, or choose another socket with `--control PATH`.' };
  return listening({ ...plane, listen: { socketPath: controlSocket, mode: 0o600 } }, '`--control PATH`', closers);
};

const controlParts = (
  { loaded: { config }, version, clock, random, disk }: EnvelopeParts,
  { ledger, invocations, release }: Rooms,
  doors: Envelope['doors'],
): Omit<ControlParts, 'notReady'> => {
  const { environment, agents, agent_roles: roles, policies } = config;
  const { deployment } = config.server;
  const data = folders(config.data_dir);
  const identity = createIdentity(createSubjectFile(disk, join(data.private, 'subjects')), random);
  // The socket lets in nobody but the user whose envelope this is.
  const invoker = () => identity.invoker(userName());
  const keepManifest = createBlobs(disk, data.ledger);
  return {
    desk: createDesk({ invocations, agents, roles, keepManifest, invoker }),
    digests: createDigestCache({ path: join(data.private, 'digests.json'), disk, clock, invoker }),
    doors,
    release,
    environment,
    deployment,
    status: () => ({
      release,
      environment,
      deployment,
      version,
      pid: process.pid,
      doors,
      data: config.data_dir,
      policies_mode: policies.mode,
      ledger: { ...ledger.standing(), heads: ledger.heads().map((head) => ({ ...head })) },
      open_invocations: invocations.openCount(),
    }),
  };
};

/** The user whose process this is; where the system has no name for the id, the id. */
const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
};
