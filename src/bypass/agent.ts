// The program that tries: what the kit starts in a jail, in somebody else's sandbox, or before a proxy. It imports nothing of ours and stands alone there.
// Orders come as lines of JSON on stdin, answers go as lines of JSON to stdout; it ends with its stdin. What it holds (a credential) it never prints.

import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

interface Order {
  readonly id: number;
  readonly door?: string;
  readonly parts?: readonly string[];
  readonly pauseMs?: number;
  readonly unasked?: boolean;
  readonly patienceMs: number;
  readonly script?: { readonly program: string; readonly text: string };
}

const answerBytes = 65_536;
const saidCharacters = 2_000;

const credential = process.env['ANTHROPIC_AUTH_TOKEN'] ?? '';
const proxyAuthority = Buffer.from(process.env['SEALWRIGHT_KIT_PROXY_USER'] ?? `kit:${credential}`).toString('base64');

/** Places in an order where what this program holds belongs. */
const filledIn = (part: string): Buffer =>
  Buffer.from(
    Buffer.from(part, 'base64')
      .toString('latin1')
      .replaceAll('%%PROXY-AUTHORITY%%', proxyAuthority)
      .replaceAll('%%CREDENTIAL%%', credential),
    'latin1',
  );

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How long a refusal may go on behind its head, and how long an answer of which nothing more is asked. */
const afterRefusalMs = 30;
const afterAnswerMs = 300;

const exchange = ({ door = '', parts = [], pauseMs = 0, unasked = false, patienceMs }: Order): Promise<object> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(door);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    let [got, headEnd, sent, done, reached] = [Buffer.alloc(0), 0, 0, false, false];
    let patience: NodeJS.Timeout | undefined;
    const statusOf = (): number => Number(/^HTTP\/1\.[01] (\d{3})/.exec(got.toString('latin1', 0, 16))?.[1] ?? 0);
    const finish = (ended: string): void => {
      if (done) return;
      done = true;
      clearTimeout(patience);
      socket.destroy();
      const text = (from: number, to: number): string => got.subarray(from, to).toString('base64');
      resolve({
        status: statusOf() || null,
        text: text(0, headEnd || answerBytes),
        behind: headEnd > 0 ? text(headEnd, answerBytes) : '',
        ended,
        // A door that is not there has denied nothing.
        ...(!reached && { lost: 'the door cannot be reached' }),
      });
    };
    const waitFor = (ms: number): void => {
      clearTimeout(patience);
      patience = setTimeout(() => finish('open'), ms);
    };
    const send = async (upTo: number): Promise<void> => {
      for (; sent < upTo; sent += 1) {
        if (done) return;
        if (sent > 0 && pauseMs > 0) await pause(pauseMs);
        if (!socket.destroyed) socket.write(filledIn(parts[sent] ?? ''));
        waitFor(patienceMs);
      }
    };
    const onHead = (): void => {
      const good = statusOf() >= 200 && statusOf() < 300;
      if (!good) waitFor(afterRefusalMs);
      else if (parts.length > 1) void send(parts.length);
      else waitFor(afterAnswerMs);
    };
    waitFor(patienceMs);
    socket.on('connect', () => {
      reached = true;
      void send(unasked ? parts.length : 1);
    });
    socket.on('data', (chunk: Buffer) => {
      if (got.length < answerBytes) got = Buffer.concat([got, chunk]);
      if (headEnd > 0) return;
      headEnd = got.indexOf('\r\n\r\n') + 4;
      if (headEnd < 4) headEnd = 0;
      else if (!unasked) onHead();
    });
    socket.on('end', () => finish('closed'));
    socket.on('error', () => finish('failed'));
    socket.on('close', () => finish('closed'));
  });

const script = ({ script: wanted, patienceMs }: Order): Promise<object> =>
  new Promise((resolve) => {
    const { program = 'sh', text = '' } = wanted ?? {};
    const child = spawn(program, [program === 'perl' ? '-e' : '-c', text], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => void (said = (said + chunk.toString('latin1')).slice(0, saidCharacters)));
    const end = (code: number | null): void => {
      clearTimeout(patience);
      resolve({ code, said: Buffer.from(said, 'latin1').toString('base64') });
    };
    const patience = setTimeout(() => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
      said += 'it did not end in time';
      end(null);
    }, patienceMs);
    child.on('error', (problem) => {
      said += problem.message;
      end(null);
    });
    child.on('exit', (code) => setTimeout(() => end(code), 20));
  });

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

say({
  ready: true,
  network: process.env['HTTPS_PROXY'] ?? process.env['https_proxy'] ?? null,
  model: process.env['ANTHROPIC_BASE_URL'] ?? null,
});
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order;
  const answered = order.script === undefined ? await exchange(order) : await script(order);
  say({ id: order.id, ...answered });
}
process.exit(0);
