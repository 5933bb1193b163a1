// A network door whose names are asked of a real name server over UDP: one that is slow, silent, lies, or says another address each time. Runs in namespaces of
// its own, where every address leads to this machine: what is dialled is done, and packets say what it was. Prints what was seen as JSON.

import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { answerTo, startNameServer, type Answering } from '../name-server.ts';
import { askForNamesThere, leadNowhere, nameServerAddress } from '../namespace.ts';
import type { JailedRun } from './jailed.ts';
import { openGround, recordsOf } from './jailed.ts';
import { capture, type Packet } from './packets.ts';

export const outside = '11.0.0.11';
export const inside = ['10.1.2.3', '127.0.0.1', '169.254.169.254', 'fd00::1'] as const;
export const port = 8000;
const modelPort = 8001;

export interface NamesSeen {
  /** What it printed: `NAME STATUS` of each tunnel, in the order in which they were answered. */
  readonly run: JailedRun;
  readonly packets: readonly Packet[];
  /** Of each outcome: the name, the address, and what was said of it. */
  readonly outcomes: readonly { readonly name: string; readonly address: string | null; readonly problem: string | null }[];
}

const asked = new Map<string, number>();

/** An answer that promises more records than are in it. */
const garbage = (question: Buffer): Buffer =>
  Buffer.concat([question.subarray(0, 2), Buffer.from('8180000100ff00000000', 'hex'), question.subarray(12), Buffer.alloc(40, 0xc0)]);

/** One to another question. */
const forged = (question: Buffer): Buffer => {
  const answer = answerTo(question, { addresses: [outside] });
  answer[0] = (answer[0] ?? 0) ^ 0xff;
  return answer;
};

const answering: Answering = async (name, question) => {
  const times = (asked.get(name) ?? 0) + 1;
  asked.set(name, times);
  const [kind] = name.split('.');
  if (kind === 'late') await pause(1_500);
  if (kind === 'sound' || kind === 'late' || kind === 'model') return { addresses: [outside] };
  // Each lookup asks for both families.
  if (kind === 'rebinding') return { addresses: times <= 2 ? [outside] : [inside[0]] };
  if (kind === 'mixed') return { addresses: [outside, inside[1]] };
  if (kind === 'six') return { addresses: [outside, inside[3]] };
  if (kind === 'metadata') return { addresses: [inside[2]] };
  if (kind === 'garbage') return { bytes: garbage(question) };
  if (kind === 'forged') return { bytes: forged(question) };
  return kind === 'unknown' ? { unknown: true } : null;
};

const together = ['mixed', 'six', 'metadata', 'garbage', 'forged', 'late', 'unknown', 'silent', 'sound'] as const;
const hosts = [...together, 'rebinding', '*.silent'].map((name) => `{ host: '${name}.test', ports: [${port}], tls: false }`).join(', ');

/** All but the first while names are asked for that nobody answers; also that of a model. Each line is written at once: others write meanwhile. */
const script = `
ask() { curl -sS -p -o /dev/null -w "$1 %{http_connect}\\n" "http://$1.test:${port}/" 2>/dev/null; }
ask rebinding
for count in $(seq 10); do ask "n$count.silent" & done; sleep 1
ask rebinding
for name in ${together.join(' ')}; do ask $name & done
answer=$(curl -sS -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN" -d '{"model":"pinned-1","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}' "$ANTHROPIC_BASE_URL/v1/messages"); echo "$answer"; wait
`;

const config = (text: string): string =>
  text
    .replace('[simulated-1], allowed_tools: []', `[pinned-1], allowed_tools: [], allowed_hosts: [${hosts}]`)
    .replace('provider: simulated', `provider: scripted, base_url: 'http://model.test:${modelPort}'`)
    .replace('pin: simulated-1', 'pin: pinned-1');

const answer = JSON.stringify({
  type: 'message',
  model: 'pinned-1',
  content: [],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
});

if (process.argv[1] === import.meta.filename) {
  leadNowhere();
  askForNamesThere();
  await startNameServer(nameServerAddress, answering);
  const site = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.0 200 OK\r\n\r\n'));
  await new Promise<void>((resolve) => site.listen(port, '::', resolve));
  const model = createHttpServer((_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(answer));
  await new Promise<void>((resolve) => model.listen(modelPort, outside, resolve));
  const ground = await openGround({ edit: config });
  try {
    const seeing = await capture();
    const run = await ground.sh(script);
    const packets = await seeing.stop();
    const outcomes = (await recordsOf(ground)).flatMap(({ kind, action_type: action, destination, error_message: problem }) => {
      if (kind !== 'outcome' || action !== 'network_connection') return [];
      const { name, address } = destination as { name: string; address: string | null };
      return [{ name, address, problem: problem as string | null }];
    });
    process.stdout.write(JSON.stringify({ run, packets, outcomes } satisfies NamesSeen));
  } finally {
    await ground.close();
  }
  process.exit();
}
