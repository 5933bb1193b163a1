// The bypass kit before proxies that are services elsewhere: the network door of an envelope, Debian's squid, whose surprises are known,
// and tinyproxy, of which less is. Needs both, and namespaces for networks.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Subject } from '../jail/remote-proxy-world.ts';
import type { JailedRun } from '../jail/jailed.ts';
import { inNamespace } from '../namespace.ts';
import { root } from '../project-files.ts';

const timeout = 900_000;

interface Attempted {
  readonly id: string;
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly pass: boolean;
  readonly reason: string;
  readonly tried: readonly { readonly name: string; readonly actual: string }[];
}

const tested = async (subject: Subject): Promise<{ readonly attempts: readonly Attempted[]; readonly exitCode: number | null }> => {
  const { stdout, stderr, exitCode } = await inNamespace<JailedRun>(join(root, 'test/jail/remote-proxy-world.ts'), subject);
  assert.notEqual(stdout, '', stderr);
  return { attempts: (JSON.parse(stdout) as { readonly attempts: readonly Attempted[] }).attempts, exitCode };
};

const surprises = (attempts: readonly Attempted[]): readonly string[] =>
  attempts.filter(({ pass }) => !pass).map(({ id, path }) => `${id} ${path}`);

const notTried = (attempts: readonly Attempted[]): readonly Attempted[] =>
  attempts.filter(({ actual, tried }) => actual === 'not applicable' && tried.length > 0);

/** Judges names and no addresses, reads some of them leniently, and takes what is said in a tunnel as it comes. */
const ofSquid = [
  '10 connect',
  '10 forward',
  '13 connect',
  '13 forward',
  '14 connect',
  '15 connect',
  '15 forward',
  '17b forward',
  '18 connect',
  '24 connect',
  '24 forward',
  '30 connect',
  '30 forward',
  '31 connect',
  '33 connect',
  '34 connect',
  '35 connect',
  '38 connect',
  '39 connect',
  '46 forward',
  '46 connect',
  '53 forward',
  '58 connect',
  '58 forward',
  '79b connect',
];
/** Of these, what is seen where only `allowed.test` is known to lead to the kit. */
const ofSquidWithoutNames = [
  '14 connect',
  '17b forward',
  '31 connect',
  '33 connect',
  '34 connect',
  '35 connect',
  '38 connect',
  '39 connect',
  '46 forward',
  '53 forward',
  '79b connect',
];

// Each waits more than it works.
describe('the bypass kit before a proxy elsewhere', { concurrency: true }, () => {
  it('finds with squid what is known of squid, and says of each attempt that it could not see what is missing', { timeout }, async () => {
    const { attempts, exitCode } = await tested('squid');
    assert.deepEqual(surprises(attempts), ofSquid);
    assert.equal(exitCode, 1);
    for (const { id, path, reason, tried } of notTried(attempts)) {
      assert.match(reason, /^needs /, `${id} ${path}`);
      assert.ok(tried.every(({ actual }) => actual === 'not applicable'));
    }
    // Nothing that leads to a machine of somebody else is sent.
    assert.ok(notTried(attempts).some(({ id, reason }) => id === '23' && /which is not the kit's/.test(reason)));
  });

  it('says that a name server is missing where the proxy asks another one, and passes nothing by that', { timeout }, async () => {
    const { attempts } = await tested('squid without names');
    assert.deepEqual(surprises(attempts), ofSquidWithoutNames);
    for (const id of ['8', '12', '27', '28', '30'])
      for (const path of ['connect', 'forward']) {
        const results = attempts.filter((each) => each.id === id && each.path === path);
        assert.ok(results.length > 0);
        for (const { actual, reason } of results) {
          assert.equal(actual, 'not applicable', `${id} ${path}`);
          assert.match(reason, /name server before the proxy \(a name below wild\.test was asked for/);
        }
      }
  });

  it('surprises nobody with the door of an envelope, but by what is seen in its records alone', { timeout }, async () => {
    const { attempts } = await tested('envelope');
    assert.deepEqual(surprises(attempts), ['58 connect', '58 forward']);
    assert.ok(attempts.filter(({ actual }) => actual === 'deny').length > 50);
  });

  it('finds with tinyproxy that a second answer of a name server is believed', { timeout }, async () => {
    const { attempts } = await tested('tinyproxy');
    for (const way of ['27 connect', '30 connect', '31 connect', '50 forward']) assert.ok(surprises(attempts).includes(way), way);
  });
});
