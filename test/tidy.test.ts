// House rules that neither compiler nor linter knows: names, headers, lengths, leftovers, test names, links, what must never be written down.
// Each rule is a list of offenders that must be empty, and each asserts that it saw files.

import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';

import { codeOnly, commentsOf, importsOf, isTest, paths, sources, tests, texts, type ProjectFile } from './project-files.ts';

const functionLinesMax = 70;
const fileLinesMax = 400;

/** What was longer when the rule came, with its length. Numbers here only go down; a file or function that fits leaves the list. */
const longerFiles: Readonly<Record<string, number>> = {
  // One file on purpose: auditors copy it to other machines.
  'src/ledger/verifier.ts': 1348,
};
const longerFunctions: Readonly<Record<string, number>> = {};

const typescript = texts.filter(({ path }) => path.endsWith('.ts'));
const pages = texts.filter(({ path }) => path.endsWith('.md'));
/** Texts that people of this project wrote: nothing generated, no licence, no lock file. */
const written = texts.filter(({ path }) => !/^(?:package-lock\.json|LICENSE|docs\/reference\/|schema\/|test\/tidy\.test\.ts)/.test(path));

/** `path:line: text` of each line that `pattern` finds. */
const linesWith = (files: readonly ProjectFile[], pattern: RegExp, code = false): readonly string[] =>
  files.flatMap(({ path, text }) => {
    const lines = text.split('\n');
    return (code ? codeOnly(text).split('\n') : lines).flatMap((line, index) =>
      pattern.test(line) ? [`${path}:${index + 1}: ${(lines[index] ?? '').trim()}`] : [],
    );
  });

const none = (offenders: readonly string[]): void => assert.deepEqual(offenders, []);

test('the gate sees the project', () => {
  assert.ok(typescript.length > 100, `only ${typescript.length} TypeScript files seen`);
  assert.ok(tests.length > 30, `only ${tests.length} test files seen`);
  assert.ok(pages.length > 10, `only ${pages.length} pages seen`);
});

const bannedWords = /^(?:utils?|helpers?|common|shared|services?|managers?|misc|index|v\d+|new|old|temp)$/;

test('no file or folder has a name that says nothing, and files are in kebab-case', () => {
  const inside = paths.filter((path) => /^(?:src|test|scripts|bin|bench)\//.test(path));
  none(
    inside.filter((path) =>
      path
        // `test:services` is what such tests are called everywhere.
        .replace(/^test\/services\//, 'test/')
        .split('/')
        .flatMap((part) => part.split(/[-.]/))
        .some((word) => bannedWords.test(word)),
    ),
  );
  none(sources.map(({ path }) => path).filter((path) => !/^[a-z0-9/-]+(?:\.test)?\.ts$/.test(path)));
});

test('nothing exported is named a utility, helper, manager or service', () => {
  none(
    linesWith(
      typescript,
      /^export (?:const|function|class|interface|type) (?:\w*(?:Utils?|Helpers?|Manager|Service|Misc)|(?:utils?|helpers?)\w*)\b/,
      true,
    ),
  );
});

test('each source file opens with two to five lines that say what it is', () => {
  const files = typescript.filter(({ path }) => !isTest(path) && /^(?:src|scripts|test)\//.test(path));
  assert.ok(files.length > 50);
  const wrong = files.flatMap(({ path, text }) => {
    const lines = text.replace(/^#!.*\n/, '').split('\n');
    const header = lines.findIndex((line) => !line.startsWith('//'));
    return header >= 2 && header <= 5 ? [] : [`${path}: ${header} lines`];
  });
  none(wrong);
});

const leftovers = /\b(?:TODO|FIXME|XXX|HACK)\b/;

test('nothing is left for later in a comment', () => {
  none(linesWith(written, leftovers));
});

test('no test is skipped, singled out or marked as missing', () => {
  const pattern = /\b(?:test|it|describe|suite|t)\.(?:skip|only|todo)\b|^\s*\{?\s*(?:skip|only|todo)\s*:\s*(?!false)/;
  none(linesWith(tests, pattern, true));
  assert.match('test.skip(', pattern);
});

const plans =
  /(?:^|(?<!PKCS)\s)#\d+\b|\b(?:issue|ticket|milestone|sprint|phase|wave)\s+#?\d+\b|\bdesign(?:\.md| section| \d|, section)|\b[A-Z]\d\.\d\b|\b[A-Z]\d?-[A-Z]?\d+\b|\b(?:the lead|colleagues?|sub-?agents?|coworkers?|this session|the brief)\b/i;

test('comments and pages hold no codes of a plan that their reader cannot resolve', () => {
  const comments = typescript.flatMap(({ path, text }) => commentsOf(text).map(({ line, text: comment }) => ({ path, line, comment })));
  assert.ok(comments.length > 500, `only ${comments.length} comments seen`);
  none(comments.filter(({ comment }) => plans.test(comment)).map(({ path, line, comment }) => `${path}:${line}: ${comment}`));
  none(
    linesWith(
      pages.filter(({ path }) => !path.startsWith('docs/reference/')),
      new RegExp(plans.source.replace('(?:^|(?<!PKCS)\\s)#\\d+\\b|', '')),
    ),
  );
});

/** Each function with the lines that are its own: nested functions of several lines count by themselves. */
const functionLengths = ({ path, text }: ProjectFile): readonly (readonly [string, number])[] => {
  const lines = codeOnly(text).split('\n');
  const open: { name: string; start: number; depth: number; nested: number }[] = [];
  const found: (readonly [string, number])[] = [];
  let depth = 0;
  lines.forEach((line, index) => {
    const begins =
      /=>\s*\{$|^\s*(?:export )?(?:async )?function\b.*\{$|^\s*\)(?::[^=]*)?\{$|^\s+(?:(?:async|static|private|override|get|set) )*#?\w+\(.*\).*\{$/;
    const control = /^\s*(?:\}?\s*(?:else )?(?:if|for|while|switch|catch)\b)/;
    if (begins.test(line.trimEnd()) && !control.test(line)) {
      const name = /(?:const|function|get|set|async)\s+(\w+)/.exec(line)?.[1] ?? /(\w+)/.exec(line)?.[1] ?? 'function';
      open.push({ name: `${path} ${name}`, start: index, depth, nested: 0 });
    }
    for (const char of line) {
      if (char === '{') depth++;
      if (char === '}') depth--;
    }
    const innermost = open.at(-1);
    if (innermost && depth <= innermost.depth && index > innermost.start) {
      open.pop();
      const length = index - innermost.start + 1;
      const outer = open.at(-1);
      if (outer) outer.nested += length;
      found.push([innermost.name, length - innermost.nested]);
    }
  });
  return found;
};

/** What is over `max` and not listed, listed and grown, or listed and no longer over. */
const ratchet = (measured: ReadonlyMap<string, number>, listed: Readonly<Record<string, number>>, max: number): readonly string[] => [
  ...[...measured].filter(([name, size]) => size > (listed[name] ?? max)).map(([name, size]) => `${name}: ${size} lines`),
  ...Object.entries(listed)
    .filter(([name, size]) => (measured.get(name) ?? 0) < size)
    .map(([name, size]) => `${name}: lower the listed ${size} to ${measured.get(name) ?? 0}`),
];

test('no file is longer than the limit, and what was longer only shrinks', () => {
  none(ratchet(new Map(typescript.map(({ path, text }) => [path, text.trimEnd().split('\n').length])), longerFiles, fileLinesMax));
});

test('no function is longer than the limit, and what was longer only shrinks', () => {
  const lengths = typescript.filter(({ path }) => !isTest(path)).flatMap(functionLengths);
  assert.ok(lengths.length > 300, `only ${lengths.length} functions seen`);
  const longest = new Map<string, number>();
  for (const [name, length] of lengths) longest.set(name, Math.max(length, longest.get(name) ?? 0));
  none(ratchet(longest, longerFunctions, functionLinesMax));
});

test('the length rules can fail', () => {
  const text = `const f = (): void => {\n${'  g();\n'.repeat(80)}};\n`;
  assert.deepEqual(functionLengths({ path: 'x.ts', text }), [['x.ts f', 82]]);
  const listed = { 'x.ts f': 82 };
  assert.deepEqual(ratchet(new Map([['x.ts f', 82]]), {}, 70), ['x.ts f: 82 lines']);
  assert.deepEqual(ratchet(new Map([['x.ts f', 82]]), listed, 70), []);
  assert.deepEqual(ratchet(new Map([['x.ts f', 60]]), listed, 70), ['x.ts f: lower the listed 82 to 60']);
});

const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[`*]/g, '')
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const withoutFences = (page: string): string => page.replaceAll(/^```[\s\S]*?^```/gm, (fence) => fence.replaceAll(/[^\n]/g, ''));

const anchorsOf = (path: string): readonly string[] => {
  const page = pages.find((each) => each.path === path);
  return [...withoutFences(page?.text ?? '').matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1] ?? ''));
};

const exists = (path: string): boolean =>
  paths.includes(path) || paths.some((each) => each.startsWith(path.endsWith('/') ? path : `${path}/`));

test('every link of a page leads to a file and a heading that exist', () => {
  let seen = 0;
  const wrong = pages.flatMap(({ path, text }) =>
    [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
      const link = match[1] ?? '';
      if (/^(?:https?:|mailto:)/.test(link)) return [];
      seen++;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : posix.join(posix.dirname(path), file);
      if (!exists(target)) return [`${path}: ${link}`];
      return anchor !== undefined && !anchorsOf(target).includes(anchor) ? [`${path}: ${link} (no such heading)`] : [];
    }),
  );
  assert.ok(seen > 10, `only ${seen} links seen`);
  none(wrong);
});

test('every path of this project that a page names exists', () => {
  const wrong = pages
    .filter(({ path }) => path !== 'CHANGELOG.md')
    .flatMap(({ path, text }) =>
      [...text.matchAll(/`((?:src|test|scripts|bin|docs|schema|examples|bench)\/[\w./-]+)`/g)]
        .map((match) => match[1] ?? '')
        .filter((named) => !exists(named))
        .map((named) => `${path}: ${named}`),
    );
  none(wrong);
});

test('each page has one title, and begins with it', () => {
  none(
    pages.filter(({ text }) => !text.startsWith('# ') || [...withoutFences(text).matchAll(/^# /gm)].length !== 1).map(({ path }) => path),
  );
});

test('test names are sentences of behaviour', () => {
  const names = tests.flatMap(({ path, text }) =>
    [...text.matchAll(/^\s*(?:await )?(?:test|it|t\.test)\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gm)].map(
      (match) => [path, match[2] ?? ''] as const,
    ),
  );
  assert.ok(names.length > 200, `only ${names.length} tests seen`);
  none(
    names.filter(([, name]) => name.trim().split(/\s+/).length < 3 || /^should\b/i.test(name)).map(([path, name]) => `${path}: ${name}`),
  );
});

/** Files that put rooms together: what they alone reach is reached by every test of a whole envelope. */
const composing = new Set(['src/spine.ts', 'src/envelope.ts', 'src/control-plane.ts', 'src/listeners.ts', 'src/outside.ts']);

test('no package registry, no path of a machine and no address of a private network stands anywhere', () => {
  const registry = new RegExp(['registry\\.', 'npmjs\\.', 'yarnpkg\\.', 'artifactory'].map((part) => `\\b${part}`).join('|'), 'i');
  none(linesWith([...written, ...texts.filter(({ path }) => path === 'package-lock.json')], registry));
  none(linesWith(written, /(?<![\w.~$}])\/(?:home|Users|root|work)\/\w/));
});

const onlyTypes = (text: string): boolean => !/^export (?:default|async|const|function|class)\b/m.test(codeOnly(text));

/**
 * Files that tests reach: through files under `test/`, through the composition roots of the spine, and from a file of a folder to the others
 * of the same folder.
 */
const testedFiles = (): ReadonlySet<string> => {
  const targets = ({ path, text }: ProjectFile): readonly string[] =>
    importsOf(text).flatMap((name) => (name.startsWith('.') ? [posix.join(posix.dirname(path), name)] : []));
  const byPath = new Map(typescript.map((file) => [file.path, file]));
  const leadsOn = (from: string, to: string): boolean =>
    from.startsWith('test/') || composing.has(from) || posix.dirname(from) === posix.dirname(to);
  const tested = new Set(tests.flatMap(targets));
  for (const path of tested) {
    const file = byPath.get(path);
    for (const target of file ? targets(file) : []) if (leadsOn(path, target)) tested.add(target);
  }
  return tested;
};

test('each source file is reached by a test, or holds only types', () => {
  const tested = testedFiles();
  none(sources.filter(({ path, text }) => !isTest(path) && !tested.has(path) && !onlyTypes(text)).map(({ path }) => path));
});

test('the lockfile holds every platform package that it names, so that `npm ci` takes it on each platform', () => {
  const { packages } = JSON.parse(texts.find(({ path }) => path === 'package-lock.json')?.text ?? '') as {
    packages: Record<string, { optionalDependencies?: Record<string, string>; integrity?: string }>;
  };
  assert.ok(Object.keys(packages).length > 50);
  none(
    Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies).filter((name) => packages[`node_modules/${name}`]?.integrity === undefined),
    ),
  );
});
