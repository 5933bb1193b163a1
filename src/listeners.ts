// The sockets of the long-lived process: model door, admin port, control socket, and the certificate that they show.
// Starts whole or not at all, like `envelope.ts`, which calls it with every room open; what was opened is handed to `closers`.

import { dirname, join } from 'node:path';
import { createControlApp, createHealthApp, renderDenial, serveApp } from './admin/admin.ts';
import type { ControlApp, JsonObject, Plane, RouteParts } from './admin/admin.ts';
import { uuidv7 } from './core/identifier.ts';
import { createFairShare } from './core/fair-share.ts';
import { limits } from './core/limits.ts';
import { carriedByDefault } from './core/principal.ts';
import { diskErrorName } from './disk/disk.ts';
import { createModelDoor, renderRefusal } from './doors/model/model.ts';
import { createNetworkDoor, type NetworkDoorParts, renderRefusal as renderNetworkRefusal } from './doors/network/network.ts';
import type { Closers, Envelope, EnvelopeParts, EnvelopeProblem, Rooms } from './envelope.ts';
import { createDigestCache } from './invocations/digest-cache.ts';
import { openObservation, type Observation, type Stage } from './observation.ts';
import type { Listener, ListenerSettings, TlsIdentity } from './server/server.ts';
import { letGo, listen, openTlsIdentity } from './server/server.ts';
import { makeRoomForSocket } from './server/unix-socket.ts';

type Opened = Omit<Envelope, 'close'>;

/** Names that a Host field may carry: those of the config, the address, and on this machine its usual names. */
const hostNamesOf = (host: string, names: readonly string[]): readonly string[] => [
  ...names.map((name) => name.toLowerCase()),
  host.includes(':') ? `[${host}]` : host,
  'localhost',
  '127.0.0.1',
  '[::1]',
];

const openTls = ({ loaded: { config }, say }: EnvelopeParts, closers: Closers): TlsIdentity | undefined | EnvelopeProblem => {
  const { tls } = config.server;
  if (tls === undefined) return undefined;
  const identity = openTlsIdentity(tls, say);
  if ('problem' in identity) return { ...identity, next: 'Correct `server.tls`.' };
  closers.push(async () => identity.stop());
  return identity;
};

/** The admin port listens first and ends last, so that whoever asks hears in between that nothing is served. */
export const openListeners = async (
  parts: EnvelopeParts,
  rooms: Rooms,
  stage: Stage,
  closers: Closers,
): Promise<Opened | EnvelopeProblem> => {
  const { clock, random } = parts;
  const { invocations, ledger, release, bodies, stranger: turnedAway } = rooms;
  const { host, names, ports } = parts.loaded.config.server;
  const hostNames = hostNamesOf(host, names);
  const newCrossingId = (): string => uuidv7(clock, random);
  const invocationId = (credential: string | null): string | null => {
    const invocation = invocations.identify(credential);
    return 'denial' in invocation ? null : invocation.id;
  };
  const onError = (problem: unknown): void => parts.say(`internal error: ${diskErrorName(problem)}`);
  const tls = openTls(parts, closers);
  if (tls !== undefined && 'problem' in tls) return tls;

  const common = { host, tls, hostNames, bodies, turnedAway, onError };
  const [name = host.includes(':') ? `[${host}]` : host] = names;
  const origin = (port: number | null): string => `${tls === undefined ? 'http' : 'https'}://${name}:${port}`;
  const doors = { model: '', network: '', admin: '' };
  const listeners = new Map<string, Listener>();
  const health = openObservation(parts, { rooms, stage, listeners }, closers);
  const app = createApps(parts, rooms, doors, health);
  const plane = () => ({
    bodyLimit: 'controlBodyBytes' as const,
    // A budget for each: whoever reaches the port must use up neither what crossings need nor what a stop needs that comes by the socket.
    bodies: createFairShare(limits.controlBodiesBytes),
    refuse: renderDenial,
    turnedAway,
    onError,
  });
  const admin = await listening(
    {
      ...plane(),
      name: 'admin',
      listen: { host, port: ports.admin },
      tls,
      asksClients: true,
      hostNames,
      handle: serveApp(app('port'), ['GET', 'HEAD', 'POST'], turnedAway),
    },
    '`--admin-port` or `server.ports.admin`',
    closers,
  );
  if ('problem' in admin) return admin;

  // Together: a door that waits for what is under way must not leave the next one open meanwhile.
  const together: Closers = [];
  closers.push(() => closeTogether(together));
  const forDoors = { newCrossingId, invocationId, clock };
  const model = await openModelDoor({ ...common, port: ports.model }, rooms, forDoors, together);
  if ('problem' in model) return model;
  const network = await openNetworkDoor({ ...common, port: ports.network }, rooms, forDoors, together);
  if ('problem' in network) return network;

  for (const [door, { port }] of Object.entries({ model, network, admin })) {
    doors[door as keyof typeof doors] = origin(port);
    if (port !== null) rooms.ownPorts.add(port);
  }
  const control = await listenOnSocket(
    parts,
    { ...plane(), name: 'control', hostNames: [], handle: serveApp(app('socket'), ['GET', 'POST'], turnedAway) },
    together,
  );
  if ('problem' in control) return control;
  for (const [each, listener] of Object.entries({ model, network, admin, control })) listeners.set(each, listener);
  return { doors, release, controlSocket: parts.controlSocket, vkey: ledger.vkey };
};

const closeTogether = async (together: Closers): Promise<void> => {
  const closings = await Promise.allSettled(together.map((close) => close()));
  for (const closing of closings) if (closing.status === 'rejected') throw closing.reason;
};

type Common = Pick<ListenerSettings, 'tls' | 'hostNames' | 'bodies' | 'turnedAway' | 'onError'>;

type AtPort = Common & { readonly host: string; readonly port: number };

const openModelDoor = (
  { host, port, ...common }: AtPort,
  { cross, listModels }: Pick<Rooms, 'cross' | 'listModels'>,
  parts: Pick<NetworkDoorParts, 'clock' | 'newCrossingId' | 'invocationId'>,
  closers: Closers,
): Promise<Listener | EnvelopeProblem> =>
  listening(
    {
      ...common,
      name: 'model',
      listen: { host, port },
      takesPreamble: true,
      handle: createModelDoor({ ...parts, cross, listModels, turnedAway: common.turnedAway }),
      refuse: renderRefusal,
      bodyLimit: 'requestBodyBytes',
    },
    '`--port` or `server.ports.model`',
    closers,
  );

const openNetworkDoor = (
  { host, port, ...common }: AtPort,
  { cross }: Pick<Rooms, 'cross'>,
  parts: Pick<NetworkDoorParts, 'clock' | 'newCrossingId' | 'invocationId'>,
  closers: Closers,
): Promise<Listener | EnvelopeProblem> =>
  listening(
    {
      ...common,
      name: 'network',
      listen: { host, port },
      takesPreamble: true,
      ...createNetworkDoor({ ...parts, cross, turnedAway: common.turnedAway, letGo }),
      refuse: (denial) => renderNetworkRefusal(denial, null),
      bodyLimit: 'requestBodyBytes',
    },
    '`--network-port` or `server.ports.network`',
    closers,
  );

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

/** A laptop's socket is for one user; a service lets its group in, where everyone proves who he is. */
const socketMode = ({ loaded: { config } }: EnvelopeParts): number => (config.server.deployment === 'laptop' ? 0o600 : 0o660);

const listenOnSocket = async (
  parts: EnvelopeParts,
  plane: Omit<ListenerSettings, 'listen'>,
  closers: Closers,
): Promise<Listener | EnvelopeProblem> => {
  const { controlSocket, disk } = parts;
  // A folder that cannot be made is said by what looks for it next.
  await disk.createFolder(dirname(controlSocket)).catch(() => undefined);
  const noRoom = await makeRoomForSocket(controlSocket);
  if (noRoom !== null) return noRoom;
  return listening({ ...plane, listen: { socketPath: controlSocket, mode: socketMode(parts) } }, '`--control PATH`', closers);
};

/** The control plane as each plane serves it. Where nobody can prove who he is, the port serves only its health. */
const createApps = (parts: EnvelopeParts, rooms: Rooms, doors: Envelope['doors'], health: Observation): ((plane: Plane) => ControlApp) => {
  const { control } = rooms;
  const served: RouteParts = { ...control, ...about(parts, rooms, doors) };
  return (plane) =>
    plane === 'port' && parts.loaded.config.identity.local_development === true
      ? createHealthApp(health.port)
      : createControlApp({
          ...served,
          ...control.authorising(plane),
          health: health[plane],
          version: parts.version,
        });
};

const about = (
  { loaded: { config }, version, clock, disk }: EnvelopeParts,
  { ledger, invocations, release, identity }: Rooms,
  doors: Envelope['doors'],
): Pick<RouteParts, 'agents' | 'digests' | 'status' | 'identity' | 'doors' | 'release' | 'environment' | 'deployment'> => {
  const { environment, policies, server } = config;
  const { deployment } = server;
  const { audience, admin_audience, reprove_minutes, local_development: local = false } = config.identity;
  const who = { local_development: local, audience, admin_audience, reprove_minutes };
  return {
    digests: createDigestCache({ path: join(config.data_dir, 'private', 'digests.json'), disk, clock }),
    agents: Object.entries(config.agents).map(
      ([
        name,
        { client, roles, version = null, sha256 = null, carry = carriedByDefault, toolchains = [], changed_programs = 'report' },
      ]) => ({
        name,
        client,
        roles: [...roles],
        version,
        sha256,
        carry: [...carry],
        toolchains: [...toolchains],
        changed_programs,
      }),
    ),
    doors,
    release,
    environment,
    deployment,
    identity: () =>
      ({ ...who, issuers: identity.offers().map(({ issuer: name, ...offer }) => ({ name, ...offer })) }) as unknown as JsonObject,
    status: () => ({
      release,
      environment,
      deployment,
      version,
      pid: process.pid,
      doors: { ...doors },
      data: config.data_dir,
      policies_mode: policies.mode,
      ledger: { ...ledger.standing(), heads: ledger.heads().map((head) => ({ ...head })) },
      open_invocations: invocations.openCount(),
    }),
  };
};
