import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JailPlan } from './bubblewrap.ts';
import { bubblewrapArguments, readableOfEtc } from './bubblewrap.ts';

const plan: JailPlan = {
  workspace: '/people/me/project',
  cwd: '/people/me/project/deep',
  writable: ['/state/home'],
  readable: ['/opt/agent'],
  hidden: ['/people/me/project/data'],
  sockets: ['/people/me/project/dev.sock'],
  home: { outside: '/state/person', inside: '/people/me' },
  temporary: '/state/tmp',
  programFiles: { '/run/first': '/state/first' },
  dataFiles: { '/etc/hosts': 7 },
  uid: 1000,
  gid: 100,
  seccompFd: 4,
  statusFd: 5,
};
const links = new Map<string, string | null>([
  ['/bin', 'usr/bin'],
  ['/lib', null],
  ['/proc/sys', null],
  ['/proc/kcore', null],
  ['/proc/acpi', null],
]);
const args = bubblewrapArguments(plan, { linkAt: (path) => links.get(path) });
const at = (...words: readonly string[]): number =>
  args.findIndex((_, index) => words.every((word, offset) => args[index + offset] === word));

test('G-JAIL-1: a jail has namespaces of its own, no rights, and ends with its runner', () => {
  for (const name of ['user', 'pid', 'net', 'ipc', 'uts']) assert.ok(args.includes(`--unshare-${name}`), name);
  assert.ok(at('--cap-drop', 'ALL') >= 0 && at('--die-with-parent') >= 0 && at('--seccomp', '4') >= 0);
  assert.ok(!args.includes('--share-net') && !args.some((word) => word.startsWith('--bind-try') || word.startsWith('--dev-bind')));
});

test('G-JAIL-1: what can be changed is the workspace, the home of the run and what is its own; the rest can be read or is not there', () => {
  const bound = args.flatMap((word, index) => (word === '--bind' ? [args[index + 2]] : []));
  assert.deepEqual(bound, ['/tmp', '/people/me', '/people/me/project', '/state/home']);
  const read = args.flatMap((word, index) => (word === '--ro-bind' ? [args[index + 2]] : []));
  assert.deepEqual(read, ['/proc/sys', '/proc/kcore', '/usr', '/lib', '/run/first', '/opt/agent', '/people/me/project/dev.sock']);
  assert.ok(at('--ro-bind-data', '7', '/etc/hosts') >= 0);
  assert.ok(!args.includes('/') || args[args.indexOf('/') - 1] === '--remount-ro');
  assert.ok(at('--symlink', 'usr/bin', '/bin') >= 0 && at('--tmpfs', '/proc/acpi') >= 0);
  assert.ok(at('--proc', '/proc', '--tmpfs', '/proc/1', '--remount-ro', '/proc/1') >= 0);
});

test('the home stands before what lies in it, what is hidden or covered behind the workspace that holds it, and the root is closed last', () => {
  const order = [
    at('--bind', '/state/person'),
    at('--bind', '/people/me/project'),
    at('--tmpfs', '/people/me/project/data'),
    at('--ro-bind', '/dev/null', '/people/me/project/dev.sock'),
    at('--remount-ro', '/'),
  ];
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.deepEqual(args.slice(-2), ['--chdir', '/people/me/project/deep']);
});

test('of /etc nothing is there that holds a secret or names another machine', () => {
  for (const name of [
    'shadow',
    'gshadow',
    'hosts',
    'resolv.conf',
    'ssh',
    'sudoers',
    'ssl/private',
    'machine-id',
    'environment',
    'gitconfig',
    'npmrc',
  ])
    assert.ok(!readableOfEtc.includes(name), name);
});
