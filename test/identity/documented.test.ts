// The examples of the page on identity are settings that the envelope takes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { identityConfig } from '../../src/identity/config.ts';
import { root } from '../project-files.ts';

const page = readFileSync(`${root}docs/identity.md`, 'utf8');
const examples = [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => parse(text) as { readonly identity: unknown });

test('each example of docs/identity.md is valid, and its groups exist', () => {
  assert.ok(examples.length > 5, `only ${examples.length} examples seen`);
  for (const { identity } of examples) {
    const { issuers, clients, groups } = identityConfig.parse(identity);
    const named = [
      ...Object.values(issuers).flatMap((each) => Object.values(each.groups)),
      ...Object.values(clients).flatMap((each) => each.groups),
    ];
    assert.deepEqual(
      named.filter((name) => !Object.hasOwn(groups, name)),
      [],
    );
  }
});
