import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createTestIo } from '../../test/command-io.ts';
import { runCli } from './cli.ts';
import { createPolicyExplain } from './policy-explain.ts';
import { createPolicyImpact, durationMs } from './policy-impact.ts';
import { createPolicyTest } from './policy-test.ts';
import type { RuleBook } from '../core/rules.ts';
import { decisionOf, replayed } from './recorded-decisions.ts';
import type { RuleBooks } from './rule-books.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-policy-commands-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const example = fileURLToPath(new URL('../../examples/sealwright.yaml', import.meta.url));

const broken = {
  problems: [
    { file: 'a.cedar', line: 2, message: 'unexpected token' },
    { file: 'b.cedar', line: null, message: 'is not a file' },
  ],
};
const books: RuleBooks = {
  ofConfig: () => broken,
  ofRelease: () => ({ problem: 'its release is not kept here', missing: true }),
  ofLastRelease: () => broken,
  lastInForce: () => ({ problem: 'no release is marked as the active one there' }),
  test: () => ({ results: [], unexercised: [], unexercisedCompiled: [] }),
  exported: () => broken,
};

const run = async (...argv: readonly string[]) => {
  const io = createTestIo({ cwd: scratch });
  const rows = [createPolicyTest(books), createPolicyExplain(books), createPolicyImpact(books)];
  const code = await runCli(
    rows.map((command) => ({ name: command.name, load: async () => command })),
    argv,
    io,
  );
  return { code, ...io.written() };
};

test('a duration is a number and a unit', () => {
  assert.deepEqual(['30m', '12h', '7d', '2w'].map(durationMs), [1_800_000, 43_200_000, 604_800_000, 1_209_600_000]);
  assert.deepEqual(
    ['7', 'd', '-1d', '1.5d', '7 d', '9999999d', '1y', ''].map(durationMs),
    Array.from({ length: 8 }, () => null),
  );
});

test('policies that cannot be used are one problem with file and line, and a count of the others', async () => {
  const request = join(scratch, 'request.json');
  writeFileSync(request, '{}');
  const { code, stderr } = await run('policy', 'explain', request, '--config', example);
  assert.equal(code, 1);
  assert.match(stderr, /the policies cannot be used: a\.cedar:2: unexpected token \(and 1 more\)/);
  assert.equal((await run('policy', 'test', scratch, '--config', example, '--export', join(scratch, 'out'))).code, 1);
});

test('what is not named is asked for', async () => {
  assert.equal((await run('policy', 'test', '--config', example)).code, 2);
  mkdirSync(join(scratch, 'data', 'ledger', 'logs'), { recursive: true });
  const { code, stderr } = await run('policy', 'impact', '--data', 'data');
  assert.equal(code, 2);
  assert.match(stderr, /needs a folder of policies, or --config/);
  assert.equal((await run('policy', 'explain', '019aa5c2-7b1e-7c44-9d0a-3f6f2b8e1c55', '--data', 'data')).code, 1);
});

test('a decision whose record names only some of the tools beside it is not made again', () => {
  const members = (more: object) => ({ decision: { verdict: 'deny', policies: ['p'], hosted_tools: ['a'], request: {}, ...more } });
  const rules: RuleBook = {
    explain: () => ({ unanswerable: '' }),
    replay: (_, tools) => ({ unanswerable: `asked with ${tools?.join()}` }),
  };
  const again = (more: object) => {
    const recorded = decisionOf({ origin: 'o', index: 0, leaf: new Uint8Array(), members: members(more) });
    assert.ok(recorded !== null);
    return replayed(recorded, rules);
  };
  assert.deepEqual(again({}), { unanswerable: 'asked with a' });
  assert.deepEqual(again({ truncated: { hosted_tools: 2 } }), { unanswerable: 'it names only some of the tools that the provider runs' });
  assert.deepEqual(again({ truncated: { policies: 2 }, hosted_tools: [] }), { unanswerable: 'asked with ' });
});
