import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../project-files.ts';
import { until } from '../until.ts';
import type { Ground } from './jailed.ts';
import { collect, openGround, processesNamed, recordsOf } from './jailed.ts';

// `sealwright run` as a person starts it, with a jail around the agent: what can be reached, seen and done in there, and what is left.

const timeout = 60_000;

let ground: Ground;
before(async () => {
  ground = await openGround();
});
after(() => ground.close());

/** Lines of what a script printed. */
const lines = async (script: string, more: Parameters<Ground['sh']>[1] = {}): Promise<readonly string[]> => {
  const { stdout, stderr, exitCode } = await ground.sh(script, more);
  assert.equal(exitCode, 0, stderr);
  return stdout.split('\n').filter(Boolean);
};

const python = (code: string): string => `python3 -c '${code}'`;

test('G-JAIL-1: loopback leads to the doors and nowhere else, and there is no route', { timeout }, async () => {
  const outside = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => outside.once('listening', resolve));
  const { port } = outside.address() as { port: number };
  const tried = await lines(
    python(`
import socket
for where in (("127.0.0.1", 7420), ("127.0.0.1", ${port}), ("127.0.0.1", 7422), ("10.0.0.1", 80), ("169.254.169.254", 80), ("192.0.2.1", 443)):
    s = socket.socket(); s.settimeout(3)
    try: s.connect(where); print(where[1], "reached")
    except OSError as e: print(where[1], e.errno)
try: socket.create_connection(("::1", 7420), 3); print("six reached")
except OSError as e: print("six refused")
try: socket.getaddrinfo("example.com", 80); print("resolved")
except OSError: print("no name")`),
  );
  outside.close();
  assert.deepEqual(tried, ['7420 reached', `${port} 111`, '7422 111', '80 101', '80 101', '443 101', 'six refused', 'no name']);
});

test('G-JAIL-2: no credential is inside; the connection says whose it is, whatever a request shows', { timeout }, async () => {
  const [environment, found, listed, forged] = [
    await lines('env'),
    await lines(
      'grep -rl "sw_[A-Za-z0-9_-]\\{43\\}" "$HOME" /tmp /run /etc 2>/dev/null; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | grep -c "sw_[A-Za-z0-9_-]\\{43\\}"; true',
    ),
    await lines('curl -s http://127.0.0.1:7420/anthropic/v1/models'),
    await lines(`curl -s -H "authorization: Bearer sw_${'x'.repeat(43)}" http://127.0.0.1:7420/anthropic/v1/models`),
  ];
  assert.ok(!environment.join('\n').includes('sw_'));
  assert.deepEqual(found, ['0']);
  for (const answer of [listed, forged]) assert.match(answer.join(''), /"id":"simulated-1"/);
});

test(
  'G-JAIL-1: what is not listed does not exist: no other process, no file or socket of the host, no descriptor',
  { timeout },
  async () => {
    mkdirSync(join(ground.home, '.ssh'));
    writeFileSync(join(ground.home, '.ssh', 'id'), 'a key');
    const seen = await lines(`
ls -A "$HOME"
for path in /root/.ssh /etc/shadow /etc/ssh /var/run/docker.sock /run/dbus /sys /boot /mnt /media '${ground.dataDir}' '${ground.control}' '${ground.folder}/sealwright.yaml'; do [ -e "$path" ] && echo "$path"; done
ps -e -o args= | grep -v -e "^ps" -e "^grep" -e "^sh -c" -e bwrap
ls /proc/self/fd | tr "\\n" " "
cat /proc/net/unix | wc -l
true`);
    assert.deepEqual(
      seen.filter((line) => line !== '.gitconfig' && line !== '.local' && line !== '.cache'),
      ['0 1 2 3 1'],
    );
  },
);

test('G-JAIL-1: a descriptor that the runner was started with is not there, nor a word of how it was started', { timeout }, async () => {
  const { stdout, stderr } = await collect(
    'sh',
    [
      '-c',
      'exec 4</etc/hostname 9</etc/hostname; exec "$@"',
      'sh',
      `${root}bin/sealwright`,
      'run',
      '--control',
      ground.control,
      '--quiet',
      '--',
    ].concat('sh', '-c', 'for fd in /proc/$$/fd/*; do [ -e "$fd" ] && echo "${fd##*/}"; done; env | grep -c NODE_CHANNEL'),
    { cwd: ground.workspace, env: ground.env },
  );
  assert.equal(stdout, '0\n1\n2\n0\n', stderr);
});

test(
  'G-JAIL-1: only the workspace, the home and the temporary folder can be changed, and the last two are gone at the end',
  { timeout },
  async () => {
    const made = await lines(`
echo new > made.txt; echo x > "$HOME/x"; echo y > /tmp/y
for path in /usr/x /etc/x /x /run/x /bin/x /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do (echo 1 > "$path") 2>/dev/null && echo "wrote $path"; done
[ -w /proc/sys/kernel/core_pattern ] && echo writable
true`);
    assert.deepEqual(made, []);
    assert.equal(readFileSync(join(ground.workspace, 'made.txt'), 'utf8'), 'new\n');
    assert.deepEqual([existsSync(join(ground.home, 'x')), existsSync('/tmp/y')], [false, false]);
    assert.deepEqual(await lines('ls /tmp | grep -v ^sealwright-jail; true'), []);
  },
);

test('G-JAIL-3: calls that would open another way are refused by the kernel', { timeout }, async () => {
  const refused = await lines(
    python(`
import socket, ctypes, fcntl, errno, os
for family in (16, 17, 38, 40):
    try: socket.socket(family, socket.SOCK_DGRAM, 0); print(family, "opened")
    except OSError as e: print(family, errno.errorcode[e.errno])
libc = ctypes.CDLL(None, use_errno=True)
for number, name in ((425, "io_uring_setup"), (272, "unshare"), (308, "setns"), (248, "add_key"), (250, "keyctl"), (165, "mount"), (321, "bpf")):
    print(name, libc.syscall(number, 0x10000000, 0, 0, 0, 0), errno.errorcode[ctypes.get_errno()])
pid = libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)
if pid == 0: os._exit(0)
print("clone", pid, errno.errorcode[ctypes.get_errno()])
master, slave = os.openpty()
for request in (0x5412, 0x541C):
    try: fcntl.ioctl(slave, request, b"x"); print("typed")
    except OSError as e: print(errno.errorcode[e.errno])
with open("/proc/self/status") as status: print([line.split()[1] for line in status if line.startswith(("CapEff", "NoNewPrivs", "Seccomp:"))])`),
  );
  assert.deepEqual(refused, [
    ...['16', '17', '38', '40'].map((family) => `${family} EAFNOSUPPORT`),
    'io_uring_setup -1 ENOSYS',
    ...['unshare', 'setns', 'add_key', 'keyctl', 'mount', 'bpf'].map((name) => `${name} -1 EPERM`),
    'clone -1 EPERM',
    'EPERM',
    'EPERM',
    "['0000000000000000', '1', '2']",
  ]);
});

test(
  'G-JAIL-3: nothing is made that would run as the person outside, nor does anything put the runner behind others',
  { timeout },
  async () => {
    const said = await lines(
      python(`
import os, ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, act):
    try: act(); print(name, "done")
    except OSError as e: print(name, errno.errorcode[e.errno])
def priority(which): ctypes.set_errno(0); return libc.syscall(141, which, 0, 19) and os.strerror(ctypes.get_errno())
open("lent", "w").close()
attempt("chmod", lambda: os.chmod("lent", 0o4755))
attempt("open", lambda: os.close(os.open("made-lent", os.O_CREAT | os.O_WRONLY, 0o4755)))
attempt("unnamed", lambda: os.close(os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o4755)))
attempt("mknod", lambda: os.mknod("noded", 0o104755))
attempt("plain", lambda: os.chmod("lent", 0o755))
attempt("folder of a group", lambda: (os.mkdir("shared"), os.chmod("shared", 0o2775)))
attempt("openat2", lambda: print(libc.syscall(437, -100, b"lent", b"\\0" * 24, 24), errno.errorcode[ctypes.get_errno()]))
print(priority(0), priority(1), priority(2))`),
    );
    assert.deepEqual(said, [
      ...['chmod', 'open', 'unnamed', 'mknod'].map((name) => `${name} EPERM`),
      'plain done',
      'folder of a group done',
      '-1 ENOSYS',
      'openat2 done',
      '0 Operation not permitted Operation not permitted',
    ]);
  },
);

test('`doctor` says that agents can be jailed where they can', { timeout }, async () => {
  const { stdout } = await collect(process.execPath, [`${root}src/main.ts`, 'doctor', '--json'], { cwd: ground.folder, env: ground.env });
  const { checks } = JSON.parse(stdout) as { checks: readonly { check: string; standing: string }[] };
  assert.equal(checks.find(({ check }) => check === 'jail')?.standing, 'ok');
});

test('how many processes it may have is bounded, and a crash leaves no image of its memory', { timeout }, async () => {
  const bounds = await lines(`awk '/processes|core/ { print $2, $3, $(NF-1) }' /proc/self/limits`);
  assert.deepEqual(bounds, ['core file 0', 'processes 4096 4096']);
});

test('G-JAIL-1: nothing is left running at the end, whatever it did to get away', { timeout }, async () => {
  const mark = '98761';
  await lines(`(setsid sleep ${mark} &) ; nohup sleep ${mark} >/dev/null 2>&1 & sleep 0.1; echo started`);
  assert.equal(processesNamed(`sleep ${mark}`), 0);
});

test(
  'G-JAIL-1: an agent neither kills the runner by their common process group nor reaches into the first process of the jail, so that its end is told',
  { timeout },
  async () => {
    const repository = join(ground.folder, 'killing');
    mkdirSync(repository);
    await collect('git', ['init', '-q'], { cwd: repository, env: ground.env });
    const tried = `
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
for number, args in ((101, (0x4206, 1, 0, 0)), (434, (1, 0)), (311, (1, 0, 0, 0, 0, 0))):
    print(libc.syscall(number, *args), errno.errorcode[ctypes.get_errno()])
print(os.listdir("/proc/1"))`;
    const script = `echo all: > Makefile; python3 -c '${tried}'; kill -9 0 || echo refused`;
    const { exitCode, stdout, stderr } = await ground.sh(script, { cwd: repository, under: ['/usr/bin/setsid'] });
    assert.deepEqual([exitCode, stdout], [0, '-1 EPERM\n-1 EPERM\n-1 EPERM\n[]\nrefused\n'], stderr);
    assert.match(stderr, /the agent changed what runs later outside its jail; look at it first: Makefile/);
  },
);

test('a jailed agent has its own exit code, standard input, output and error', { timeout }, async () => {
  const ran = await ground.sh('cat; echo bad >&2; exit 42', { input: 'through the pipe\n' });
  assert.deepEqual([ran.exitCode, ran.stdout], [42, 'through the pipe\n']);
  assert.match(ran.stderr, /^bad$/m);
  assert.equal((await ground.sh('kill -9 $$')).exitCode, 137);
  assert.equal((await ground.sh('', { command: ['/nonexistent/agent'] })).exitCode, 127);
  assert.deepEqual(await lines('yes | head -1'), ['y']);
});

test('a signal to the runner reaches the agent inside, and a runner that is killed takes it along', { timeout }, async () => {
  const pids: number[] = [];
  const script = `trap 'echo heard; exit 7' TERM; touch ready; while :; do sleep 0.05; done # 98762`;
  const running = ground.sh(script, { started: (pid) => pids.push(pid) });
  await until(() => existsSync(join(ground.workspace, 'ready')));
  process.kill(pids[0] ?? assert.fail(), 'SIGTERM');
  const { exitCode, stdout } = await running;
  assert.deepEqual([exitCode, stdout], [7, 'heard\n']);

  rmSync(join(ground.workspace, 'ready'));
  const killed = ground.sh(script, { started: (pid) => pids.push(pid) });
  await until(() => existsSync(join(ground.workspace, 'ready')));
  process.kill(pids[1] ?? assert.fail(), 'SIGKILL');
  await killed;
  await until(() => processesNamed('98762') === 0);
  rmSync(join(ground.workspace, 'ready'));
});

test(
  'a signal to the whole process group ends the agent as it likes to end, and not what stands around it first',
  { timeout },
  async () => {
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) {
      const pids: number[] = [];
      const script = `trap 'sleep 0.3; echo heard; exit 7' ${signal.slice(3)}; touch ready; while :; do sleep 0.05; done`;
      const running = ground.sh(script, { started: (pid) => pids.push(pid), under: ['/usr/bin/setsid'] });
      await until(() => existsSync(join(ground.workspace, 'ready')));
      process.kill(-(pids[0] ?? assert.fail()), signal);
      const { exitCode, stdout } = await running;
      rmSync(join(ground.workspace, 'ready'));
      assert.match(stdout, /^heard\n/, signal);
      assert.equal(exitCode, 7, signal);
    }
  },
);

test('every record of a jailed run says so, and that the program had no sandbox of its own', { timeout }, async () => {
  await lines(
    'curl -s -d "{\\"model\\":\\"simulated-1\\",\\"max_tokens\\":9,\\"messages\\":[{\\"role\\":\\"user\\",\\"content\\":\\"hi\\"}]}" http://127.0.0.1:7420/v1/messages',
  );
  const records = (await recordsOf(ground)).filter((record) => typeof record['invocation_id'] === 'string');
  assert.ok(records.some(({ stream }) => stream === 'model'));
  assert.deepEqual([...new Set(records.map(({ containment }) => containment))], ['jail']);
  const opened = records.find(({ kind }) => kind === 'opened');
  assert.match(JSON.stringify(opened?.['run']), /"inner_sandbox":"off"/);
});

test(
  'G-JAIL-4: a workspace that is, or holds, the home is refused, and so are the whole machine and folders of the system',
  { timeout },
  async () => {
    for (const cwd of [ground.home, ground.folder, '/', '/etc', '/var', '/dev', '/proc', '/proc/sys/kernel', '/sys/kernel']) {
      const { exitCode, stderr } = await ground.sh('echo ran', { cwd });
      assert.equal(exitCode, 125, cwd);
      assert.match(stderr, /Change into the folder of a project/);
    }
  },
);

test('a symbolic link to the workspace, a linked working tree and a read-only workspace are worked in', { timeout }, async () => {
  const link = join(ground.folder, 'link');
  symlinkSync(ground.workspace, link);
  assert.deepEqual(await lines('pwd -P', { cwd: link }), [ground.workspace]);
  const main = join(ground.folder, 'main');
  const git = (cwd: string, ...argv: readonly string[]) =>
    collect('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...argv], { cwd, env: ground.env });
  mkdirSync(main);
  await git(main, 'init', '-q');
  await git(main, 'commit', '-q', '--allow-empty', '-m', 'one');
  await git(main, 'worktree', 'add', '-q', join(ground.folder, 'linked'));
  writeFileSync(join(ground.home, '.gitconfig'), '[user]\n\tname = A Person\n\temail = a@example.org\n[core]\n\tpager = touch ran\n');
  const committed = await lines(
    'echo x > x && git add x && git commit -q -m two && git log --format=%an -1 && git config core.pager; true',
    {
      cwd: join(ground.folder, 'linked'),
    },
  );
  assert.deepEqual(committed, ['A Person']);
});

test("the envelope's data in the workspace does not exist for the agent", { timeout }, async () => {
  const inside = await openGround({ dataIn: 'work/data' });
  try {
    const { stdout, exitCode } = await inside.sh('ls -A data; echo x > data/x || echo "not written"');
    assert.deepEqual([exitCode, stdout], [0, 'not written\n']);
    assert.ok(existsSync(join(inside.dataDir, 'ledger')));
  } finally {
    await inside.close();
  }
});

test("G-JAIL-1: no run works in the envelope's data, and a toolchain that holds them shows none of them", { timeout }, async () => {
  const tools = mkdtempSync(join(tmpdir(), 'sealwright-tools-'));
  const held = await openGround({
    parent: tools,
    edit: (text) => text.replace('roles: [demo] }', `roles: [demo], toolchains: ['${tools}'] }`),
  });
  try {
    for (const cwd of [held.dataDir, join(held.dataDir, 'private')]) {
      const { exitCode, stdout, stderr } = await held.sh('ls -R', { cwd });
      assert.deepEqual([exitCode, stdout], [125, ''], cwd);
      assert.match(stderr, /lies in the data of the envelope/);
    }
    assert.equal((await held.sh(`ls -A '${held.dataDir}'`)).stdout, '');
  } finally {
    await held.close();
    rmSync(tools, { recursive: true });
  }
});

test('policy may forbid to run without a jail', { timeout }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-jail-'));
  writeFileSync(
    join(folder, 'jail.cedar'),
    '@id("jail-only")\nforbid (principal, action == Sealwright::Action::"delegate", resource)\nunless { context.containment == "jail" };\n',
  );
  chmodSync(folder, 0o700);
  const strict = await openGround({ edit: (text) => `${text}policies: ${folder}\n` });
  try {
    const refused = await strict.sh('echo ran', { argv: ['--containment', 'advisory'] });
    assert.deepEqual([refused.exitCode, refused.stdout], [125, '']);
    assert.match(refused.stderr, /jail-only/);
    assert.deepEqual((await strict.sh('echo ran')).stdout, 'ran\n');
  } finally {
    await strict.close();
    rmSync(folder, { recursive: true });
  }
});

test('a folder that the config names as a toolchain can be read, and not changed', { timeout }, async () => {
  const tools = mkdtempSync(join(tmpdir(), 'sealwright-tools-'));
  writeFileSync(join(tools, 'tool'), '#!/bin/sh\necho worked\n', { mode: 0o755 });
  const equipped = await openGround({ edit: (text) => text.replace('roles: [demo] }', `roles: [demo], toolchains: ['${tools}'] }`) });
  try {
    const { stdout } = await equipped.sh(`'${tools}/tool'; (echo x > '${tools}/x') 2>/dev/null || echo "not written"`);
    assert.equal(stdout, 'worked\nnot written\n');
  } finally {
    await equipped.close();
    rmSync(tools, { recursive: true });
  }
});

test('an ordinary user has the same jail', { timeout, skip: process.getuid?.() !== 0 && 'the other tests were it' }, async () => {
  const uid = 65_534;
  const parent = mkdtempSync('/var/tmp/sealwright-jail-');
  chownSync(parent, uid, uid);
  const program = `
import { openGround } from '${import.meta.dirname}/jailed.ts';
const ground = await openGround({ parent: '${parent}' });
const { exitCode, stdout, stderr } = await ground.sh('id -u; echo x > x; ls -A ~ | head -3; (echo 1 > /usr/x) 2>/dev/null || echo kept; curl -s http://127.0.0.1:7420/anthropic/v1/models');
await ground.close();
console.log(JSON.stringify({ exitCode, stdout, stderr }));
`;
  try {
    const { stdout, stderr } = await collect(process.execPath, ['--input-type=module', '-e', program], {
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '', HOME: parent },
      uid,
    });
    assert.notEqual(stdout, '', stderr);
    const ran = JSON.parse(stdout) as { exitCode: number; stdout: string; stderr: string };
    assert.equal(ran.exitCode, 0, ran.stderr);
    assert.match(ran.stdout, /^65534\n/);
    assert.match(ran.stdout, /kept\n.*simulated-1/s);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
