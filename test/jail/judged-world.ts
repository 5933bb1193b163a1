// A world around one agent that works and tries to get out, for judges who watch from outside. Runs in namespaces of its own, where every address and every
// name leads to this machine and somebody answers, so that what is tried is also done. `node judged-world.ts CONTAINMENT`; prints what was seen as JSON.
// The agent does what one does through the doors, asks them for what it may not have, and then goes past them every way that it knows.

import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createAuthority } from '../certificate.ts';
import { startNameServer } from '../name-server.ts';
import { askForNamesThere, leadNowhere, nameServerAddress } from '../namespace.ts';
import { startSite } from '../site.ts';
import { until } from '../until.ts';
import type { Ground, JailedRun } from './jailed.ts';
import { openGround, recordsOf } from './jailed.ts';
import { capture, type Packet } from './packets.ts';

/** Where names lead. What is permitted is `site` and `inside`, of which only `site` has an address that may be reached; the model is the config's. */
export const places = {
  site: '11.0.0.11',
  model: '11.0.0.12',
  refused: '11.0.0.13',
  inside: '10.1.2.3',
  six: '2600::1',
} as const;
export const doors = { model: 8420, network: 8421 } as const;
export const modelPort = 8000;

export interface Seen {
  readonly run: JailedRun;
  /** Of the namespace of envelope and runner, and of the jail's own. */
  readonly outside: readonly Packet[];
  readonly inJail: readonly Packet[];
  /** What strace wrote of `run` and all that it started. */
  readonly calls: string;
  /** Outcomes of connections in the ledger that reached an address. */
  readonly reached: readonly string[];
  readonly workspace: string;
}

const attempts = (later: string): string => `
import socket
def attempt(what, go):
    try: print(what, go() or "went")
    except OSError as e: print(what, "failed")
def tcp(family, *where):
    with socket.socket(family) as s: s.connect(where)
def udp(host, data=b"x"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.settimeout(1); s.sendto(data, (host, 53)); s.recv(99)
attempt("site", lambda: tcp(socket.AF_INET, "${places.site}", 443))
attempt("refused", lambda: tcp(socket.AF_INET, "${places.refused}", 443))
attempt("six", lambda: tcp(socket.AF_INET6, "${places.six}", 443))
attempt("door", lambda: tcp(socket.AF_INET, "127.0.0.1", ${doors.network}))
attempt("datagram", lambda: udp("${places.refused}"))
attempt("question", lambda: udp("${nameServerAddress}", b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6direct\\4test\\0\\0\\1\\0\\1"))
attempt("name", lambda: print(end=socket.getaddrinfo("asked.test", 443) and ""))
own = socket.socket(socket.AF_UNIX); own.bind("own.sock"); own.listen()
def local(path):
    with socket.socket(socket.AF_UNIX) as s: s.connect(path)
attempt("own", lambda: local("own.sock"))
attempt("later", lambda: local("${later}"))
`;

const work = `
touch started; while [ ! -e go ]; do sleep 0.05; done
curl -sS --cacert ca.pem https://site.test/page
git -c http.sslCAInfo=ca.pem clone -q https://site.test/source.git cloned && cat cloned/file
NODE_EXTRA_CA_CERTS=ca.pem '${process.execPath}' -e 'fetch("https://site.test/page").then((it) => it.text()).then((it) => console.log(it))'
curl -sS -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN" -d '{"model":"pinned-1","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}' "$ANTHROPIC_BASE_URL/v1/messages"
curl -sS --cacert ca.pem https://inside.test/; curl -sS --cacert ca.pem https://refused.test/; curl -sS http://refused.test/
python3 attempts.py
`;

const answer = {
  type: 'message',
  model: 'pinned-1',
  content: [{ type: 'text', text: 'of the model\n' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
};

const config = (text: string): string =>
  text
    .replace('model: 0, network: 0', `model: ${doors.model}, network: ${doors.network}`)
    .replace('roles: [demo] }', `roles: [demo], toolchains: ['${dirname(process.execPath)}'] }`)
    .replace('[simulated-1], allowed_tools: []', '[pinned-1], allowed_tools: [], allowed_hosts: [site.test, inside.test]')
    .replace('provider: simulated', `provider: scripted, base_url: 'http://model.test:${modelPort}'`)
    .replace('pin: simulated-1', 'pin: pinned-1');

/** Of the agent, as this process sees it, in whose command line `mark` stands. */
const jailedPid = (mark: string): number => {
  const own = readlinkSync('/proc/self/ns/net');
  const found = readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(mark) && readlinkSync(`/proc/${pid}/ns/net`) !== own;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error('no agent was found in a jail');
  return Number(found);
};

const openWorld = async (): Promise<Ground> => {
  leadNowhere();
  askForNamesThere();
  const authority = createAuthority('Test Sites');
  const names: Readonly<Record<string, string>> = { 'site.test': places.site, 'model.test': places.model, 'inside.test': places.inside };
  await startNameServer(nameServerAddress, (name) => ({ addresses: [names[name] ?? places.refused] }));
  const site = await startSite({ host: '::', port: 443, pair: authority.issue(Object.keys(names), []) });
  site.put('page', 'of the site\n');
  site.putRepository('source', 'of the repository\n');
  const model = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer)),
  );
  await new Promise<void>((resolve) => model.listen(modelPort, places.model, resolve));
  const ground = await openGround({ edit: config });
  writeFileSync(join(ground.workspace, 'ca.pem'), authority.cert);
  process.once('exit', () => site.close());
  return ground;
};

const inWorld = async (ground: Ground, containment: string): Promise<Seen> => {
  const { workspace, folder } = ground;
  const later = join(workspace, 'later.sock');
  writeFileSync(join(workspace, 'attempts.py'), attempts(later));
  const trace = join(folder, 'calls');
  const strace = ['strace', '-f', '--decode-pids=pidns', '-s', '200', '-e', 'trace=network,clone,clone3,fork,vfork', '-o', trace];
  const outside = await capture();
  const running = ground.sh(`# ${folder}${work}`, {
    argv: ['--containment', containment],
    under: strace,
  });
  await until(() => existsSync(join(workspace, 'started')));
  const inJail = containment === 'jail' ? await capture(jailedPid(folder)) : null;
  // One that had been there before would be covered.
  await new Promise<void>((resolve) => createSocketServer().unref().listen(later, resolve));
  writeFileSync(join(workspace, 'go'), '');
  const run = await running;
  const seen = { outside: await outside.stop(), inJail: (await inJail?.stop()) ?? [] };
  const reached = (await recordsOf(ground)).flatMap(({ kind, action_type: action, destination }) => {
    const { address } = (destination ?? {}) as { readonly address?: string | null };
    return kind === 'outcome' && action === 'network_connection' && typeof address === 'string' ? [address] : [];
  });
  return { run, ...seen, calls: readFileSync(trace, 'utf8'), reached, workspace };
};

if (process.argv[1] === import.meta.filename) {
  const ground = await openWorld();
  try {
    process.stdout.write(JSON.stringify(await inWorld(ground, process.argv[2] ?? 'jail')));
  } finally {
    await ground.close();
  }
  process.exit();
}
