import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingForJail, systemProgram, waysOut } from './missing.ts';

test('another system and another machine are told what to do, and that the choice without a jail is theirs', () => {
  assert.match(missingForJail('darwin', 'arm64') ?? '', /needs Linux.*container.*--containment advisory/);
  assert.match(missingForJail('win32', 'x64') ?? '', /needs Linux/);
  assert.match(missingForJail('linux', 'riscv64') ?? '', /riscv64/);
});

test('a program of the system is found by its name alone, and nothing else is', () => {
  assert.match(systemProgram('env') ?? '', /^\/(?:usr\/)?bin\/env$/);
  assert.equal(systemProgram('no-such-program'), null);
});

const on = (files: Readonly<Record<string, string>>, uid = 1_000): readonly string[] =>
  waysOut({ textOf: (path) => files[path] ?? null, uid });

test('a machine that refuses namespaces is asked for what it has set, and nothing is said of what it has not', () => {
  assert.deepEqual(on({}), []);
  assert.deepEqual(on({ '/proc/sys/user/max_user_namespaces': '96365', '/proc/sys/kernel/unprivileged_userns_clone': '1' }), []);
  assert.match(on({ '/proc/sys/user/max_user_namespaces': '0' }).join(), /^allow user namespaces/);
  assert.match(on({ '/proc/sys/kernel/unprivileged_userns_clone': '0' }).join(), /^allow them to ordinary users/);
  assert.match(on({ '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1' }).join(), /^let AppArmor allow them/);
});

test('in a container the options of its engine are named, and to root without the capability another user', () => {
  assert.match(
    on({ '/.dockerenv': '' }).join(),
    /^start this container with `--security-opt seccomp=unconfined --security-opt systempaths=/,
  );
  assert.match(on({ '/run/.containerenv': '' }).join(), /--security-opt seccomp=unconfined --security-opt unmask=ALL`/);
  const [none, all] = ['Name:\tnode\nCapEff:\t0000000000000000\n', 'Name:\tnode\nCapEff:\t000001ffffffffff\n'];
  assert.match(on({ '/proc/self/status': none }, 0).join(), /^run as another user than root/);
  assert.deepEqual(on({ '/proc/self/status': all }, 0), []);
  assert.deepEqual(on({ '/proc/self/status': none }), []);
});
