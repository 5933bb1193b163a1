// What stands around an envelope that is made to fail: a model and a host whose answers a test knows one by one, on loopback, and a config between.
// Contract: each answer of the model has an id of its own, and each request that reached it is kept; whoever makes a world removes it.

import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configText, startUpstream, type Upstream } from '../envelope/running.ts';
import { startUp, tryUp, type NotUp, type Starting, type Up } from './up.ts';

export interface World {
  readonly folder: string;
  readonly dataDir: string;
  readonly starting: Starting;
  readonly start: (more?: Partial<Starting>) => Promise<Up>;
  readonly tryStart: (more?: Partial<Starting>) => Promise<Up | NotUp>;
  readonly upstream: Upstream;
  /** Echoes what it is told, and ends when the other side has. */
  readonly host: { readonly port: number; readonly connections: () => number };
  /** Ends what was started and still runs, too. */
  readonly remove: () => Promise<void>;
}

const event = (data: { readonly type: string; readonly [member: string]: unknown }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

export const begun = (id: string): string =>
  event({
    type: 'message_start',
    message: { id, type: 'message', role: 'assistant', model: 'pinned-1', content: [], usage: { input_tokens: 1, output_tokens: 1 } },
  }) + event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });

export const word = (text: string): string => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });

export const done =
  event({ type: 'content_block_stop', index: 0 }) +
  event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } }) +
  event({ type: 'message_stop' });

const whole = '{"type":"message","model":"pinned-1","content":[],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}';

/** Answers at once, streamed where that is asked for. */
export const answerAtOnce = (): Upstream['answer'] => {
  let calls = 0;
  return (_message, body, response) => {
    calls += 1;
    const id = `req_${calls}`;
    if (body.includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': id });
      response.end(begun(id) + word('hello') + done);
    } else response.writeHead(200, { 'content-type': 'application/json', 'request-id': id }).end(whole);
  };
};

const startHost = async (): Promise<World['host'] & { readonly close: () => Promise<void> }> => {
  let connections = 0;
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
};

/** `data`: where the envelope keeps what it keeps, if not in the world's own folder. */
export const createWorld = async ({
  data,
  edit = (text) => text,
}: { readonly data?: string; readonly edit?: (text: string) => string } = {}): Promise<World> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-fault-'));
  const dataDir = data ?? join(folder, 'data');
  const upstream = await startUpstream(answerAtOnce());
  const host = await startHost();
  const hosts = `allowed_hosts: [{ host: 127.0.0.1, ports: [${host.port}], addresses: [127.0.0.0/8], tls: false }]`;
  const config = join(folder, 'sealwright.yaml');
  const text = configText(dataDir, upstream.url).replace('demo: { allowed_models', `demo: { ${hosts}, allowed_models`);
  writeFileSync(config, edit(text), { mode: 0o600 });
  const started: ChildProcess[] = [];
  const starting: Starting = { config, control: join(folder, 'control.sock') };
  const noted = (more: Partial<Starting> = {}): Starting => ({
    ...starting,
    ...more,
    spawned: (child) => {
      started.push(child);
      more.spawned?.(child);
    },
  });
  return {
    folder,
    dataDir,
    starting,
    start: (more) => startUp(noted(more)),
    tryStart: (more) => tryUp(noted(more)),
    upstream,
    host,
    remove: async () => {
      for (const child of started) if (child.exitCode === null) child.kill('SIGKILL');
      await Promise.all([upstream.close(), host.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
