import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { inNamespace } from '../namespace.ts';
import { inside, outside, port, type NamesSeen } from './names-world.ts';

// Names as a real name server answers them: slowly, never, wrongly, or each time otherwise. An agent in a jail asks the network door for them.

const timeout = 120_000;
let seen: NamesSeen;
let lines: readonly string[];
before(
  async () => {
    seen = await inNamespace<NamesSeen>(join(import.meta.dirname, 'names-world.ts'));
    lines = seen.run.stdout.split('\n');
  },
  { timeout },
);

const problemOf = (name: string): string => seen.outcomes.find((outcome) => outcome.name === `${name}.test`)?.problem ?? '';

test('G-NET-3: a name that leads elsewhere the second time is judged the second time, and one bad address among good ones refuses all', () => {
  assert.deepEqual(
    lines.filter((line) => line.startsWith('rebinding')),
    ['rebinding 200', 'rebinding 403'],
  );
  for (const name of ['mixed', 'six', 'metadata']) {
    assert.ok(lines.includes(`${name} 403`), name);
    assert.match(problemOf(name), /resolves to an address that is refused/);
  }
  const reached = seen.outcomes.flatMap(({ address }) => (address === null ? [] : [address]));
  assert.deepEqual(new Set(reached), new Set([`${outside}:${port}`]));
});

test('G-NET-3: no packet goes to an address that was refused, and each name is asked for by as many lookups as connections', () => {
  const { packets } = seen;
  assert.ok(packets.some(({ opens, to }) => opens && to === `${outside}:${port}`));
  const refused = inside.map((address) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`));
  assert.deepEqual(
    packets.filter(({ to }) => refused.includes(to)),
    [],
  );
  const questions = packets.filter(({ name, to }) => name === 'rebinding.test' && to.endsWith(':53'));
  assert.equal(questions.length, 2 * 2, 'for both families, once for each of two connections');
});

test('answers that are broken, forged, late or missing are failures of the name alone, and a late one still leads on', () => {
  for (const line of ['garbage 502', 'unknown 502', 'forged 504', 'silent 504', 'late 200', 'sound 200'])
    assert.ok(lines.includes(line), line);
  for (const name of ['garbage', 'unknown']) assert.match(problemOf(name), /could not be resolved/);
});

test('names that nobody answers keep neither other names nor models waiting', () => {
  const firstInVain = lines.findIndex((line) => line.includes('silent'));
  const others = lines.flatMap((line, index) => (/^(?:rebinding|sound|late|unknown|mixed) |"pinned-1"/.test(line) ? [index] : []));
  assert.equal(others.length, 7, seen.run.stdout);
  assert.ok(firstInVain > Math.max(...others), seen.run.stdout);
});
