import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { adapterOf } from '../../src/runner/agents/adapters.ts';
import type { LedgerRecord } from '../envelope/running.ts';
import { siteAddress, startSite } from '../site.ts';
import { clis } from './clis.ts';
import { governed } from './governed-run.ts';
import { attempts } from './isolation.ts';
import { createPerson } from './person.ts';
import { inOrder, memberOf } from './turns.ts';

// The three CLI agents at work in a jail: they edit, commit, run tests and install a package from a host that the role may connect to; and what they
// connect to by themselves beside that, which is nothing.

const timeout = 180_000;
const ways = {
  'claude-code': { model: 'claude-opus-4-8', argv: ['--allowedTools', 'Bash'] },
  codex: { model: 'corp-model', argv: ['-m', 'corp-model'] },
  'gemini-cli': { model: 'gemini-3.8-flash', argv: ['-m', 'gemini-3.8-flash', '-y'] },
} as const;

const commit = 'git add one.test.js package.json && git commit -q -m one && git log --format="committed by %an"';

const work = (origin: string, commits: boolean): string =>
  [
    `echo "require('node:test').test('one', () => {})" > one.test.js`,
    `echo '{}' > package.json`,
    `npm install --no-audit --no-fund --no-update-notifier --registry ${origin}/ a-package`,
    'node --test',
    ...(commits ? ['git init -q', commit] : []),
    'curl -sS http://127.0.0.3/',
    'echo "https by $https_proxy"',
  ].join(' && ');

const connections = (records: readonly LedgerRecord[]): readonly string[] => [
  ...new Set(
    records
      .filter(({ action_type: action, kind }) => action === 'network_connection' && kind === 'decision')
      .map(({ destination, decision }) => `${String(memberOf(destination, 'name'))} ${String(memberOf(decision, 'verdict'))}`),
  ),
];

for (const cli of Object.values(clis))
  test(`G-JAIL-1: ${cli.name} works in a jail, and reaches what its role may connect to and nothing else`, { timeout }, async () => {
    const { model, argv } = ways[cli.name];
    // In a workspace that it does not trust, which is every one, Gemini CLI asks a person before each command of git.
    const commits = cli.name !== 'gemini-cli';
    const site = await startSite();
    const person = await createPerson(cli, {}, { '.gitconfig': '[user]\n\tname = A Person\n\temail = a@example.org\n' });
    try {
      site.putPackage('a-package');
      const { tool, input } = adapterOf(cli.name)?.expects.shell(work(site.origin, commits)) ?? assert.fail();
      const ran = await governed(cli, {
        prompt: 'the words of the person',
        models: [model],
        tools: ['builtin/shell'],
        argv,
        person,
        script: inOrder({ calls: [{ call: tool, input }] }, { say: 'a scripted answer' }),
        jailed: { hosts: [`{ host: ${siteAddress}, ports: [${site.port}], addresses: [${siteAddress}] }`] },
      });
      assert.deepEqual([ran.exitCode, ran.stdout], [0, 'a scripted answer\n'], ran.stderr);
      const seen = ran.upstream[1]?.body.toString() ?? '';
      for (const said of [...(commits ? ['committed by A Person'] : []), 'may not connect to 127.0.0.3', 'https by http://127.0.0.1:7421'])
        assert.ok(seen.includes(said), seen);
      assert.equal(readFileSync(join(person.workspace, 'node_modules/a-package/package.json'), 'utf8').includes('a-package'), true);
      assert.deepEqual(connections(ran.records), [`${siteAddress} permit`, '127.0.0.3 deny']);
      assert.deepEqual(attempts(), []);
      assert.deepEqual([...new Set(ran.records.flatMap(({ containment }) => (containment === undefined ? [] : [containment])))], ['jail']);
    } finally {
      person.remove();
      site.close();
    }
  });
