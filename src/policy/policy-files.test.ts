import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { limits } from '../core/limits.ts';
import { loadPolicyFiles } from './policy-files.ts';
import { compileRules } from './rules.ts';

const problemsOf = (text: string): readonly string[] => {
  const rules = compileRules(
    {
      environment: 'development',
      agents: {},
      agent_roles: {},
      policies: { mode: 'enforce' },
      identity: { groups: {} },
      endpoints: {},
    },
    [{ name: 'extra.cedar', text }],
  );
  assert.ok('problems' in rules, 'the policy was accepted');
  return rules.problems.map(({ file, line, message }) => `${file}:${line}: ${message}`);
};

describe('a policy file', () => {
  it('may say that a policy only observes, and nothing else about its mode', () => {
    for (const mode of ['enforce', 'Observe', ''])
      assert.match(
        problemsOf(`\n@id("a") @mode("${mode}")\nforbid (principal, action, resource);`)[0] ?? '',
        /^extra\.cedar:2: @mode knows only/,
      );
  });

  it('names file and line of what does not parse', () => {
    assert.match(
      problemsOf('@id("a")\npermit (principal, action, resource);\n// é\n@id("b")\nforbid (;\n')[0] ?? '',
      /^extra\.cedar:5: unexpected token/,
    );
  });

  it('names file and line of what does not validate', () => {
    const text =
      '// é\n@id("a")\nforbid (principal, action == Sealwright::Action::"callTool", resource)\nwhen {\n  context.amount > 3 };\n';
    assert.match(problemsOf(text)[0] ?? '', /^extra\.cedar:5: attribute `amount` in context/);
    assert.match(
      problemsOf('@id("a") permit (principal, action == Sealwright::Action::"nope", resource);')[0] ?? '',
      /extra\.cedar:1: unrecognized action/,
    );
  });

  it('refuses with file and line what is too deep for the engine, which goes on deciding', () => {
    const hour = 'context.hour > 1';
    const deep = [
      `${'('.repeat(200)}true${')'.repeat(200)}`,
      `${'!('.repeat(200)}true${')'.repeat(200)}`,
      `${'['.repeat(200)}1${']'.repeat(200)} == 1`,
      `${'{a: '.repeat(200)}1${'}'.repeat(200)} == 1`,
      `${hour} && (${`${hour} || (`.repeat(100)}true${')'.repeat(101)}`,
      `${`${hour} && `.repeat(400)}true`,
      `${`${hour} || `.repeat(6_000)}true`,
      `${'1 + '.repeat(1_500)}1 > 3`,
      `${'if context.hour > 30 then true else '.repeat(400)}false`,
      `context${'.a'.repeat(6_000)}`,
      `true } ${`when { ${hour} } `.repeat(400)} when { true`,
      '('.repeat(100_000),
    ];
    for (const condition of deep)
      assert.match(
        problemsOf(
          `\n@id("a") forbid (principal, action, resource) when { true };\n@id("b") forbid (principal, action, resource)\nwhen { ${condition} };`,
        )[0] ?? '',
        /^extra\.cedar:3: the policy nests or chains more than the engine can follow; write a list/,
        condition.slice(0, 60),
      );
    assert.match(problemsOf('permit (principal, action, resource);')[0] ?? '', /no @id/);
  });

  it('names the line of a policy that also stands in a comment, and of each of very many', () => {
    const commented =
      '// forbid (principal, action, resource);\n@id("a") // "é;\nforbid (principal, action, resource);\n\nforbid (principal, action, resource);';
    assert.match(problemsOf(commented)[0] ?? '', /^extra\.cedar:5: the policy has no @id/);
    const many = Array.from({ length: 300 }, (_, index) => `permit (principal, action, resource) when { context.hour == ${index} };`);
    const lines = problemsOf(many.join('\n')).map((problem) => Number(/cedar:(\d+): the policy has no @id/.exec(problem)?.[1]));
    assert.deepEqual(
      lines.toSorted((a, b) => a - b),
      Array.from({ length: 300 }, (_, index) => index + 1),
    );
  });

  it('says once which fact is not one of every action, and how to write it', () => {
    const problems = problemsOf('@id("a") forbid (principal, action, resource) when { context.containment == "advisory" };');
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^extra\.cedar:1: attribute `containment` is not a fact of every action.*Action::"crossing"/);
  });

  it('refuses a policy that could never apply, since a forbid in it would forbid nothing', () => {
    assert.match(
      problemsOf('@id("a")\nforbid (principal == Sealwright::Role::"demo", action, resource);').join('\n'),
      /extra\.cedar:1: .*impossible/,
    );
  });

  it('refuses templates, policies without an id, ids that stand twice or look compiled, and approval on a permit', () => {
    assert.match(problemsOf('\npermit (principal == ?principal, action, resource);')[0] ?? '', /^extra\.cedar:2: templates/);
    assert.match(
      problemsOf('@id("a") permit (principal, action, resource);\nforbid (principal, action, resource);')[0] ?? '',
      /^extra\.cedar:2: the policy has no @id/,
    );
    assert.match(
      problemsOf('@id("a") permit (principal, action, resource);\n@id("a") forbid (principal, action, resource);')[0] ?? '',
      /the id a already stands/,
    );
    for (const prefix of ['role/', 'group/', 'agent/', 'identity/'])
      assert.match(
        problemsOf(`@id("${prefix}x") permit (principal, action, resource);`)[0] ?? '',
        new RegExp(`must not begin with ${prefix}`),
      );
    assert.match(problemsOf('@id("a") @approval("x") permit (principal, action, resource);')[0] ?? '', /@approval belongs on a forbid/);
  });
});

describe('the policy folder', () => {
  const folder = (files: Readonly<Record<string, string>>, mode = 0o600) => {
    const status = (path: string) => {
      const isFile = path.startsWith('/p/') && path.slice(3) in files;
      if (!isFile && path !== '/p' && path !== '/p/inner') throw Object.assign(new Error('absent'), { code: 'ENOENT' });
      return {
        mode: isFile ? mode : 0o700,
        uid: 7,
        size: (files[path.slice(3)] ?? '').length,
        isFile: () => isFile,
        isDirectory: () => !isFile,
      };
    };
    return {
      realpathSync: (path: string) => (status(path), path),
      readdirSync: () => Object.keys(files),
      statSync: status,
      readFileSync: (path: string) => Buffer.from(files[path.slice(3)] ?? ''),
    };
  };

  it('gives the Cedar files by name and ignores others', () => {
    const loaded = loadPolicyFiles('/p', { files: folder({ 'b.cedar': 'B', 'a.cedar': 'A', 'README.md': 'x' }), userId: 7 });
    assert.deepEqual(loaded, {
      files: [
        { name: 'a.cedar', path: '/p/a.cedar', text: 'A' },
        { name: 'b.cedar', path: '/p/b.cedar', text: 'B' },
      ],
    });
  });

  it('refuses a file that others can write, one that is not there, and one of another user', () => {
    const problem = (loaded: ReturnType<typeof loadPolicyFiles>) => ('problems' in loaded ? (loaded.problems[0]?.message ?? '') : 'loaded');
    assert.match(problem(loadPolicyFiles('/p', { files: folder({ 'a.cedar': 'A' }, 0o620), userId: 7 })), /chmod g-w \/p\/a\.cedar/);
    assert.match(problem(loadPolicyFiles('/q', { files: folder({}), userId: 7 })), /does not exist/);
    assert.match(problem(loadPolicyFiles('/p', { files: folder({ 'a.cedar': 'A' }), userId: 8 })), /belongs to another user/);
  });

  it('refuses a file that is too large', () => {
    const loaded = loadPolicyFiles('/p', { files: folder({ 'a.cedar': ' '.repeat(limits.policyFileBytes + 1) }), userId: 7 });
    assert.ok('problems' in loaded && /larger than/.test(loaded.problems[0]?.message ?? ''));
  });

  it('reads a real folder', () => {
    const path = fs.mkdtempSync(join(tmpdir(), 'policies-'));
    try {
      fs.writeFileSync(`${path}/a.cedar`, '@id("a") permit (principal, action, resource);', { mode: 0o600 });
      const loaded = loadPolicyFiles(path, { files: fs, userId: process.getuid?.() ?? null });
      assert.deepEqual('files' in loaded ? loaded.files.map(({ name }) => name) : loaded, ['a.cedar']);
      fs.mkdirSync(`${path}/inner`);
      assert.ok('problems' in loadPolicyFiles(path, { files: fs, userId: process.getuid?.() ?? null }));
    } finally {
      fs.rmSync(path, { recursive: true });
    }
  });
});
