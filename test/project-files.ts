// The project's own files as the gates see them: listed, read once, and with comments and literals blanked out where only code counts.
// Everything is read when this module loads; a gate must assert that it saw as much as it expects.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface ProjectFile {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

const notOurs = new Set(['.git', 'node_modules', 'dist', 'data', 'coverage', '.installed', '.captured', '.scratch']);

const walk = (folder: string): readonly string[] =>
  readdirSync(`${root}${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : walk(`${path}/`);
    return entry.isFile() ? [path] : [];
  });

/** Every path of the project but for what is installed, built or written at run time. */
export const paths: readonly string[] = walk('').toSorted();

const textual = /(?:\.(?:ts|js|mjs|json|md|yaml|yml|sh|cedar|txt)|(?:^|\/)(?:sealwright|run|NOTICE|\.npmrc|\.gitignore))$/;

export const texts: readonly ProjectFile[] = paths
  .filter((path) => textual.test(path))
  .map((path) => ({ path, text: readFileSync(`${root}${path}`, 'utf8') }));

export const isTest = (path: string): boolean => path.endsWith('.test.ts');

/** TypeScript under `src/`, tests included. */
export const sources: readonly ProjectFile[] = texts.filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts'));

/** Every test of the project. */
export const tests: readonly ProjectFile[] = texts.filter(({ path }) => isTest(path));

const beforeRegex = /(?:^|[=(,:[!&|?{};+\-*%~<>^]|\b(?:return|typeof|case|in|of|do|else|void))\s*$/;

/** Index after a quoted string that opens at `at`. */
const afterQuoted = (code: string, at: number): number => {
  const quote = code[at];
  for (let i = at + 1; i < code.length; i++) {
    if (code[i] === '\\') i++;
    else if (code[i] === quote || code[i] === '\n') return i + 1;
  }
  return code.length;
};

/** Index after a regular expression that opens at `at`. */
const afterRegex = (code: string, at: number): number => {
  let inClass = false;
  for (let i = at + 1; i < code.length; i++) {
    const char = code[i];
    if (char === '\\') i++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if ((char === '/' && !inClass) || char === '\n') return i + 1;
  }
  return code.length;
};

const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ');

/** Parts of a template literal from `at` (a backtick or the brace that ends an insertion): index of the next insertion's code, or after the end. */
const afterTemplatePart = (code: string, at: number): { readonly end: number; readonly insertion: boolean } => {
  for (let i = at + 1; i < code.length; i++) {
    if (code[i] === '\\') i++;
    else if (code[i] === '`') return { end: i + 1, insertion: false };
    else if (code[i] === '$' && code[i + 1] === '{') return { end: i + 2, insertion: true };
  }
  return { end: code.length, insertion: false };
};

/** `code` with comments and the contents of literals replaced by blanks, line for line; code inside template literals stays. */
export const codeOnly = (code: string): string => {
  let out = '';
  let at = 0;
  /** Depth of braces at which each open insertion of a template ends. */
  const insertions: number[] = [];
  let depth = 0;
  const skipTo = (end: number): void => {
    out += blank(code.slice(at, end));
    at = end;
  };
  const template = (): void => {
    const { end, insertion } = afterTemplatePart(code, at);
    skipTo(end);
    if (insertion) insertions.push(depth);
  };
  while (at < code.length) {
    const char = code[at] ?? '';
    const two = code.slice(at, at + 2);
    if (two === '//' || (two === '#!' && at === 0)) skipTo(code.indexOf('\n', at) === -1 ? code.length : code.indexOf('\n', at));
    else if (two === '/*') skipTo(code.indexOf('*/', at) === -1 ? code.length : code.indexOf('*/', at) + 2);
    else if (char === "'" || char === '"') skipTo(afterQuoted(code, at));
    else if (char === '`') template();
    else if (char === '}' && insertions.at(-1) === depth) {
      insertions.pop();
      template();
    } else if (char === '/' && beforeRegex.test(out.slice(-40))) skipTo(afterRegex(code, at));
    else {
      if (char === '{') depth++;
      if (char === '}') depth--;
      out += char;
      at++;
    }
  }
  return out;
};

export interface Comment {
  readonly line: number;
  readonly text: string;
}

/** Lines that are, or end in, a comment. */
export const commentsOf = (code: string): readonly Comment[] => {
  const kept = codeOnly(code).split('\n');
  return code.split('\n').flatMap((line, index) => {
    const found = /(?:\/\/|\/\*|^\s*\*)(.*)/.exec(line);
    if (!found || (kept[index] ?? '').slice(found.index).trim() !== '') return [];
    return [{ line: index + 1, text: (found[1] ?? '').trim() }];
  });
};

/** The module names that `code` imports or re-exports, also dynamically. */
export const importsOf = (code: string): readonly string[] => {
  const found = code.matchAll(/(?:^\s*(?:import|export)\b[^'";]*?\bfrom\s*|^\s*import\s*|\bimport\(\s*)['"]([^'"]+)['"]/gms);
  return [...found].map((match) => match[1] ?? '');
};
