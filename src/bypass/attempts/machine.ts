// Attempts 63 to 72: past the guard by means of the machine: its sockets, namespaces, processes, its control plane, what is left running.
// None does harm where it gets through: files are opened and not written, what is made is taken away.

import type { Attempt, Deed, Exchange, Seen } from '../attempt.ts';
import { nameFor, unlistedAddress } from '../names.ts';
import { direct, modelRequest, shell, tunnelPaths, tunnels, tunnelTo, whether } from './exchanges.ts';

const group = 'going round the proxy';
const inJail: Attempt['ways'][number]['paths'] = ['jail'];

/** Sockets of the machine that lead to somebody with more rights. */
export const machineSockets: readonly string[] = [
  '/run/docker.sock',
  '/run/containerd/containerd.sock',
  '/run/podman/podman.sock',
  '/run/dbus/system_bus_socket',
  '/run/user/0/bus',
  '/run/user/0/gnupg/S.gpg-agent',
  '/run/user/0/wayland-0',
  '/run/systemd/private',
  '/run/kit-ssh-agent.sock',
  '/tmp/.X11-unix/X0',
];

/** What nobody may get with a credential that is no longer, or never was, good for anything. */
const refusedWith =
  (credentialFrom: (subject: Parameters<Deed>[0]) => Promise<string>): Deed =>
  async (subject): Promise<Seen> => {
    const credential = (await credentialFrom(subject)).trim();
    if (credential === '') return { through: false, what: 'there is none to be had' };
    const filled = (text: string): string =>
      text.replaceAll('%%PROXY-AUTHORITY%%', Buffer.from(`kit:${credential}`).toString('base64')).replaceAll('%%CREDENTIAL%%', credential);
    const tunnel: Exchange = { parts: [filled(tunnelTo('allowed.test:443'))], patienceMs: 1_500 };
    const model: Exchange = {
      parts: [filled(modelRequest('{"model":"kit-1","max_tokens":1,"messages":[{"role":"user","content":"x"}]}'))],
      patienceMs: 1_500,
    };
    const [network, asked] = [await subject.knock('network', tunnel), await subject.knock('model', model)];
    const good = [network, asked].some(({ status }) => status !== null && status >= 200 && status < 300);
    return { through: good, what: `the network door answers ${network.status}, the model door ${asked.status}` };
  };

/** A run with the jail's means taken away ends before the agent starts. */
const refusesWithout =
  (before: (subject: Parameters<Deed>[0]) => readonly string[]): Deed =>
  async (subject) => {
    const file = `${subject.workspace}/started`;
    const { code, text } = await subject.sealwright(
      ['run', '--quiet', '--control', subject.control, '--', 'sh', '-c', `touch '${file}'`],
      before(subject),
    );
    const there = await subject.run(`test -e '${file}'`, 'jail');
    return { through: code !== 125 || there.code === 0, what: `\`run\` ends with ${code}: ${text.trim().slice(0, 160)}` };
  };

export const machine: readonly Attempt[] = [
  {
    id: '63',
    group,
    what: 'sockets of the machine: Docker, containerd, Podman, D-Bus, agents of ssh and gpg, displays',
    ways: [
      {
        paths: inJail,
        expected: 'deny',
        variants: [
          ...machineSockets.map((path) => whether(path, () => `unix('${path}')`)),
          shell('any that can be found', () => `find / -xdev -type s -not -path '/proc/*' 2>/dev/null | grep -q . || exit 1`),
        ],
      },
    ],
  },
  {
    id: '64',
    group,
    what: 'sockets without a file, and descriptors that the runner happened to have',
    ways: [
      {
        paths: inJail,
        expected: 'deny',
        variants: [
          whether('a socket without a file, of somebody outside', () => `unix("\\0kit-abstract")`),
          shell(
            'descriptors',
            () => `for f in /proc/$PPID/fd/*; do case $(readlink "$f") in /dev/*|/proc/*) ;; /*) exit 0 ;; esac; done; exit 1`,
          ),
        ],
      },
    ],
  },
  {
    id: '65',
    group,
    what: 'namespaces: a new one, that of another process, an interface of its own, a mount',
    ways: [
      {
        paths: inJail,
        expected: 'deny',
        variants: [
          whether('unshare, network', () => `call(272, 97, 0x40000000) == 0`),
          whether('unshare, users', () => `call(272, 97, 0x10000000) == 0`),
          whether('unshare, mounts', () => `call(272, 97, 0x00020000) == 0`),
          whether('setns', () => `open(F, '<', '/proc/self/ns/net') && call(308, 268, fileno(F), 0) == 0`),
          whether('clone, users', () => `call(56, 220, 0x10000011, 0, 0, 0, 0) > 0`),
          whether(
            'mount',
            () =>
              `do { my ($a, $b) = ("tmpfs\\0", "kit-mount\\0"); mkdir('kit-mount'); my $r = call(165, 40, $a, $b, $a, 0, 0); call(166, 39, $b, 0) if $r == 0; rmdir('kit-mount'); $r == 0 }`,
          ),
          shell('nsenter', () => `nsenter -t 1 -n true 2>/dev/null || exit 1`),
          shell('unshare, the program', () => `unshare -Urn true 2>/dev/null || exit 1`),
          shell(
            'an address of its own',
            () => `ip address add 10.99.99.99/32 dev lo 2>/dev/null && ip address del 10.99.99.99/32 dev lo || exit 1`,
          ),
          shell('chroot', () => `chroot / true 2>/dev/null || exit 1`),
        ],
      },
    ],
  },
  {
    id: '66',
    group,
    what: 'the guard itself: its memory, its processes, its terminal',
    ways: [
      {
        paths: inJail,
        expected: 'deny',
        variants: [
          shell(
            'processes of others',
            () => `for p in /proc/[0-9]*; do tr '\\0' ' ' <"$p/cmdline" 2>/dev/null | grep -q 'main.[tj]s up' && exit 0; done; exit 1`,
          ),
          whether('the memory of the first process', () => `call(101, 117, 0x4206, 1, 0, 0) == 0 || open(F, '+<', '/proc/1/mem')`),
          whether(
            'a descriptor of the first process',
            () => `do { my $p = call(434, 434, 1, 0); $p >= 0 && call(438, 438, $p, 0, 0) >= 0 }`,
          ),
          whether('characters into the terminal', () => `open(F, '+<', '/dev/tty') && ioctl(F, 0x5412, $c = 'x')`),
          whether('what the kernel wrote down', () => `do { $b = "\\0" x 64; call(103, 116, 3, $b, 64) >= 0 }`),
          shell('kernel keys', () => `keyctl show 2>/dev/null || exit 1`),
          whether('a key ring', () => `do { my ($a, $b) = ("user\\0", "kit\\0"); call(248, 217, $a, $b, $a, 4, -3) >= 0 }`),
          whether('BPF', () => `do { $b = "\\0" x 128; call(321, 280, 0, $b, 128) >= 0 }`),
          whether('what the kernel runs for a core', () => `open(F, '>>', '/proc/sys/kernel/core_pattern')`),
        ],
      },
      {
        paths: ['host'],
        expected: 'deny',
        deed: async ({ run, knock }) => {
          const { code } = await run('kill -9 -1; sleep 1; exit 3', 'jail');
          const { status } = await knock('network', { parts: [tunnelTo('allowed.test:443')], patienceMs: 1_500 });
          return {
            through: status === null,
            what: `an agent that kills all it sees ends with ${code}; the door answers ${status} afterwards`,
          };
        },
      },
    ],
  },
  {
    id: '67',
    group,
    what: 'the control plane: its port, its socket, its metrics',
    ways: [
      {
        paths: inJail,
        expected: 'deny',
        variants: [
          whether('its port', (mark) => `tcp(2, at4('127.0.0.1', 7422), "GET /${mark} HTTP/1.1\\r\\n\\r\\n")`),
          shell(
            'through the model door',
            (mark) =>
              `curl -s --noproxy '*' --max-time 4 -o /dev/null -w '%{http_code}' http://127.0.0.1:7420/metrics?${mark} | grep -q '^2' || exit 1`,
          ),
          shell(
            'by an invocation of its own',
            () =>
              `curl -s --noproxy '*' --max-time 4 -o /dev/null -w '%{http_code}' -X POST http://127.0.0.1:7420/invocations -d '{"agent":"kit","role":"kit"}' | grep -q '^2' || exit 1`,
          ),
        ],
      },
      {
        paths: tunnelPaths,
        expected: 'deny',
        variants: tunnels({
          'its port': '127.0.0.1:7422',
          'its port by a name': 'localhost:7422',
          'by an allowed name': `${nameFor('127.0.0.1')}:7422`,
        }),
      },
      { paths: ['mcp'], expected: 'not applicable', missing: 'tool door' },
    ],
  },
  {
    id: '68',
    group,
    what: 'the credential of another run, and one whose run is over',
    ways: [
      {
        paths: ['host'],
        expected: 'deny',
        deed: refusedWith(async ({ run }) => (await run('printf %s "$ANTHROPIC_AUTH_TOKEN"', 'advisory')).text),
      },
      { paths: ['mcp'], expected: 'not applicable', missing: 'tool door' },
    ],
  },
  {
    id: '69',
    group,
    what: 'the port of the guard at the address of somebody else',
    ways: [
      {
        paths: inJail,
        expected: 'deny',
        variants: [direct('of the network door', unlistedAddress, 7421), direct('of the model door', unlistedAddress, 7420)],
      },
    ],
  },
  {
    id: '70',
    group,
    what: 'what makes the jail is missing on this machine: it is refused, not warned of',
    ways: [
      {
        paths: ['host'],
        expected: 'deny',
        deed: refusesWithout(() => ['bwrap', '--dev-bind', '/', '/', '--ro-bind', '/dev/null', '/usr/bin/bwrap', '--']),
      },
      {
        paths: ['host'],
        expected: 'deny',
        deed: refusesWithout(() => [
          'unshare',
          '--user',
          '--map-root-user',
          'sh',
          '-c',
          'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"',
          'sh',
        ]),
      },
    ],
  },
  {
    id: '71',
    group,
    what: 'something goes on behind the run: a daemon, a task for later, a unit of systemd',
    ways: [
      {
        paths: ['host'],
        expected: 'deny',
        deed: async ({ run, processes }) => {
          const word = '86399.25';
          await run(`(setsid sh -c 'trap "" HUP TERM INT; sleep ${word} & sleep ${word}' >/dev/null 2>&1 &) ; sleep 0.3`, 'jail');
          await new Promise((resolve) => setTimeout(resolve, 300));
          const left = processes(word);
          return { through: left > 0, what: `${left} processes of the run are left` };
        },
      },
      {
        paths: inJail,
        expected: 'deny',
        variants: [
          whether(
            'a table of cron',
            (mark) => `open(F, '>', "/var/spool/cron/crontabs/${mark}") && unlink("/var/spool/cron/crontabs/${mark}")`,
          ),
          whether('a file of cron', (mark) => `open(F, '>', "/etc/cron.d/${mark}") && unlink("/etc/cron.d/${mark}")`),
          shell('at', () => `echo true | at now 2>/dev/null || exit 1`),
          shell('systemd-run', () => `systemd-run --user true 2>/dev/null || systemd-run true 2>/dev/null || exit 1`),
        ],
      },
    ],
  },
  {
    id: '72',
    group,
    what: 'another program takes the place of the one that was approved',
    ways: [
      {
        paths: ['config'],
        expected: 'deny',
        deed: async ({ beside, sealwright, workspace }) => {
          const edit = (config: string): string => config.replace('agents: { kit: {', `agents: { kit: { sha256: '${'0'.repeat(64)}',`);
          const seen = await beside({ edit }, async ({ control }): Promise<Seen> => {
            const { code, text } = await sealwright([
              'run',
              '--quiet',
              '--control',
              control,
              '--',
              'sh',
              '-c',
              `touch '${workspace}/another'`,
            ]);
            return { through: code === 0, what: `\`run\` ends with ${code}: ${text.trim().slice(0, 120)}` };
          });
          return seen ?? { through: true, what: 'the envelope did not start' };
        },
      },
    ],
  },
];
