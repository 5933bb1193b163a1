import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { inNamespace } from '../namespace.ts';
import type { EgressSeen } from './egress-world.ts';

// `egress list` held against every packet of an envelope that is checked, proves an invoker, calls models directly and through a proxy, and opens a tunnel.

const timeout = 120_000;
const world = (...argv: readonly string[]): Promise<EgressSeen> => inNamespace(join(import.meta.dirname, 'egress-world.ts'), ...argv);

/** What was tried and is on no list: places, and names. */
const unlisted = ({ tried, namesAsked, contacts }: EgressSeen): readonly string[] => {
  const places = contacts.map(({ host, port }) => `${host}:${port}`);
  const hosts = contacts.map(({ host }) => host);
  return [...tried.filter((place) => !places.includes(place)), ...namesAsked.filter((name) => !hosts.includes(name))];
};

test('G-EGRESS-1: nothing is contacted, and no name asked for, that `egress list` does not name', { timeout }, async () => {
  const seen = await world();
  const { run, check, doctor } = seen.done;
  assert.equal(run.stdout.match(/"text":"said"/g)?.length, 4, `${run.stdout}${run.stderr}`);
  assert.equal(check.stdout.match(/ok {4}connection/g)?.length, 3, check.stdout);
  assert.equal(doctor.exitCode, 0, doctor.stdout);
  assert.deepEqual(unlisted(seen), []);
  // What lies behind a proxy is contacted by the proxy; all else on the list was, so that an attempt which is not there would have been seen.
  const behind = ['far.model.test', 'site.test'];
  const directly = seen.contacts.filter(({ host }) => !behind.includes(host)).map(({ host, port }) => `${host}:${port}`);
  assert.deepEqual(seen.tried.toSorted(), directly.toSorted());
});

test(
  'a program that the config has give a credential and that contacts somebody is seen, as the list says that it may',
  { timeout },
  async () => {
    assert.deepEqual(unlisted(await world('stray')), ['stray.test:8080', 'stray.test']);
  },
);
