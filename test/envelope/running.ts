// A whole envelope in this process over a temporary folder, and an upstream whose every byte a test decides.
// Loopback only; whoever starts one stops and removes it.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../src/config/config.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { Resolve } from '../../src/dial/connect.ts';
import { createDisk } from '../../src/disk/disk.ts';
import { startEnvelope, type Envelope, type EnvelopeParts } from '../../src/envelope.ts';
import { decodeBundle, tilePath, tilesOfTree } from '../../src/ledger/tiles.ts';
import { processIo } from '../../src/main.ts';

export type Answering = (message: IncomingMessage, body: Buffer, response: ServerResponse) => void;

export interface Upstream {
  readonly url: string;
  readonly seen: { readonly headers: IncomingMessage['headers']; readonly path: string; readonly body: Buffer }[];
  /** Calls whose client went away before the answer was whole. */
  readonly cancelled: () => number;
  answer: Answering;
  readonly close: () => Promise<void>;
}

export const startUpstream = async (answer: Answering): Promise<Upstream> => {
  const seen: Upstream['seen'] = [];
  let cancelled = 0;
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const body = Buffer.concat(chunks);
      seen.push({ headers: message.headers, path: message.url ?? '', body });
      upstream.answer(message, body, response);
    });
    response.on('close', () => {
      if (!response.writableFinished) cancelled += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const upstream: Upstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    cancelled: () => cancelled,
    answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return upstream;
};

export const configText = (dataDir: string, upstreamUrl: string): string => `
environment: development
data_dir: ${dataDir}
identity: { local_development: true }
server: { ports: { model: 0, network: 0, admin: 0 } }
agents:
  sdk: { client: sdk, roles: [demo, hurried] }
  claude: { client: claude-code, roles: [demo] }
agent_roles:
  demo: { allowed_models: [pinned-1], allowed_tools: [allowed_tool] }
  hurried: { allowed_models: [pinned-1], max_response_time_seconds: 0.4 }
endpoints:
  scripted:
    formats: [anthropic-messages]
    topology: self-hosted
    provider: scripted
    region: local
    base_url: ${upstreamUrl}
    credential: { env: SCRIPTED_SECRET }
    models: [{ pin: pinned-1, reports: [pinned-1-20260101], also_called: [pinned] }, { pin: forbidden-1 }]
ledger: { segment_bytes: 1048576 }
`;

export const upstreamSecret = 'upstream-secret-that-no-client-sees';

export type LedgerRecord = { readonly [member: string]: unknown };

export interface OpenedRun {
  readonly invocation_id: string;
  readonly credential: string;
  readonly runner_key: string;
}

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface Running {
  readonly envelope: Envelope;
  readonly dataDir: string;
  readonly said: string[];
  /** Opens an invocation as a runner does. */
  readonly open: (agent?: string, role?: string, token?: string) => Promise<OpenedRun>;
  readonly control: (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<ControlAnswer>;
  /** Closes it as its runner does. */
  readonly closeRun: (run: OpenedRun, facts?: object) => Promise<ControlAnswer>;
  readonly controlSocket: string;
  /** Stops the envelope and gives all records of a stream. */
  readonly stop: () => Promise<Readonly<Record<'agent' | 'model' | 'control', readonly LedgerRecord[]>>>;
  readonly remove: () => void;
}

/** In a folder of its own, or in one that an earlier envelope left. */
export const startRunning = async (
  upstreamUrl: string,
  edit: (text: string) => string = (text) => text,
  folder: string = mkdtempSync(join(tmpdir(), 'sealwright-test-')),
  after: Clock['after'] | null = null,
  resolve?: Resolve,
  more: Partial<Pick<EnvelopeParts, 'lines' | 'disk'>> = {},
): Promise<Running> => {
  const dataDir = join(folder, 'data');
  const loaded = parseConfig(Buffer.from(edit(configText(dataDir, upstreamUrl))), folder);
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
  const { clock: real, random, version } = processIo();
  const clock: Clock = after === null ? real : { ...real, after };
  const said: string[] = [];
  const controlSocket = join(folder, 'control.sock');
  const environment = { SCRIPTED_SECRET: upstreamSecret };
  const envelope = await startEnvelope({
    loaded,
    controlSocket,
    version,
    clock,
    random,
    disk: createDisk(),
    environment,
    ...(resolve && { resolve }),
    say: (line) => said.push(line),
    ...more,
  });
  if ('problem' in envelope) throw new Error(envelope.problem);
  const control: Running['control'] = (method, path, body, headers) => askSocket(controlSocket, method, path, body, headers);
  return {
    envelope,
    dataDir,
    said,
    control,
    controlSocket,
    open: async (agent = 'sdk', role = 'demo', token) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const { status, body } = await control('POST', '/invocations', { agent, role, facts: {} }, headers);
      if (status !== 201) throw new Error(JSON.stringify(body));
      return body as OpenedRun;
    },
    closeRun: ({ invocation_id: id, runner_key: key }, facts = {}) =>
      control('POST', `/invocations/${id}/close`, facts, { 'sealwright-runner': key }),
    stop: async () => {
      await envelope.close();
      return { agent: recordsUnder(dataDir, 'agent'), model: recordsUnder(dataDir, 'model'), control: recordsUnder(dataDir, 'control') };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

const askSocket: (socketPath: string, ...asked: Parameters<Running['control']>) => ReturnType<Running['control']> = (
  socketPath,
  method,
  path,
  body,
  shown = {},
) =>
  new Promise((resolve, reject) => {
    const bytes = body === undefined ? null : typeof body === 'string' ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
    const headers = { ...shown, ...(bytes !== null && { 'content-type': 'application/json', 'content-length': bytes.length }) };
    const sent = request({ socketPath, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text });
      });
    });
    sent.on('error', reject);
    sent.end(bytes ?? undefined);
  });

/** Records of a stopped envelope, in the order of their log. */
export const recordsUnder = (dataDir: string, stream: string): readonly LedgerRecord[] => {
  const logs = join(dataDir, 'ledger', 'logs', 'local', stream, 'standard');
  // A stream that nothing was recorded in has no log.
  if (!existsSync(logs)) return [];
  return readdirSync(logs).flatMap((shard) => {
    const [, size] = readFileSync(join(logs, shard, 'checkpoint'), 'utf8').split('\n');
    return [...tilesOfTree(Number(size))]
      .filter(({ level }) => level === 'entries')
      .flatMap((tile) => {
        const bundle = decodeBundle(readFileSync(join(logs, shard, tilePath(tile))), tile.width);
        if ('problem' in bundle) throw new Error(bundle.problem);
        return bundle.map((leaf) => JSON.parse(Buffer.from(leaf).toString()) as LedgerRecord);
      });
  });
};
