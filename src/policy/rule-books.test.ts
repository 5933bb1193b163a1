import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { policySettings } from '../../test/policy-world.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import { createRuleBooks, type RuleBookParts } from './rule-books.ts';
import { cedarTextOf, compileConfig } from './rules.ts';

const config = policySettings();
const bytes = Buffer.from(
  canonicalJson({ config: { ...config, policies: './p' }, policies: [], compiled_roles: cedarTextOf(compileConfig(config)) }),
);

const status = { mode: 0o700, uid: 7, size: 60 };
const folders: RuleBookParts['folders'] = {
  files: {
    realpathSync: (path) => path,
    readdirSync: () => ['a.cedar', 'a.test.json'],
    statSync: (path) => ({ ...status, isFile: () => path.includes('.'), isDirectory: () => !path.includes('.') }),
    readFileSync: (path) => Buffer.from(path.endsWith('.json') ? '[]' : '@id("a") forbid (principal, action, resource);'),
  },
  userId: 7,
};
const booksWith = (changes: Partial<RuleBookParts> = {}) =>
  createRuleBooks({ folders, lastRelease: () => 'sha256:0', keptRelease: () => ({ bytes, isWhole: true }), ...changes });

describe('the rules that commands ask', () => {
  it('are those of a config with a folder, of a kept release, and of the last one with another folder', () => {
    const books = booksWith();
    for (const book of [
      books.ofConfig({ config }, '/p'),
      books.ofConfig({ config }, null),
      books.ofRelease('/r', 'sha256:0'),
      books.ofLastRelease('/r', '/p'),
      books.lastInForce('/r'),
    ])
      assert.ok('replay' in book, JSON.stringify(book));
  });

  it('are a problem where the release is missing, changed, unreadable or not marked', () => {
    const problemOf = (changes: Partial<RuleBookParts>): unknown => booksWith(changes).ofRelease('/r', 'sha256:0');
    assert.deepEqual(problemOf({ keptRelease: () => null }), { problem: 'its release is not kept here', missing: true });
    assert.deepEqual(problemOf({ keptRelease: () => ({ bytes, isWhole: false }) }), {
      problem: 'the kept release is not what it was when it was kept',
      missing: false,
    });
    assert.deepEqual(problemOf({ keptRelease: () => ({ bytes: Buffer.from('{'), isWhole: true }) }), {
      problem: 'the release is not one that this version can read',
      missing: false,
    });
    for (const changes of [{ lastRelease: () => null }, { keptRelease: () => null }]) {
      assert.ok('problems' in booksWith(changes).ofLastRelease('/r', '/p'));
      assert.ok('problem' in booksWith(changes).lastInForce('/r'));
    }
  });

  it('are a problem with its place where the folder cannot be read', () => {
    const closed = { ...folders, userId: 8 };
    for (const answer of [
      booksWith({ folders: closed }).ofConfig({ config }, '/p'),
      booksWith({ folders: closed }).test({ config }, '/p'),
      booksWith({ folders: closed }).exported({ config }, '/p'),
    ])
      assert.ok('problems' in answer && answer.problems[0]?.file === '/p');
    assert.ok('results' in booksWith().test({ config }, '/p'));
  });
});
