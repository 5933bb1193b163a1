// Reads the config's YAML strictly: one document, UTF-8, no duplicate keys, no aliases, no tags, and a line for every path.
// Never throws on any bytes; the library's own messages are not shown, because they may quote the file.

import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { limits } from '../core/limits.ts';
import { type ConfigProblem, looksLikeCredential, pathText, type PathStep } from './problem.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlText {
  readonly value: unknown;
  /** Where the member at `path` stands, or the nearest one around it that exists. */
  readonly positionOf: (path: readonly PathStep[], of?: 'key' | 'value') => Position;
}

const sentences: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'the same name stands twice in one mapping; keep one of them',
  MULTIPLE_DOCS: 'the file must hold one document only',
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  BAD_INDENT: 'the indentation does not match what is around it',
  TAG_RESOLVE_FAILED: 'tags (`!name`) are not allowed here',
  NON_STRING_KEY: 'the name of a member must be plain text',
  BAD_ALIAS: 'aliases (`*name`) are not allowed here; write the value out',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a name must stand on one line and be followed by a colon',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping cannot begin in the middle of a line; put text that has a colon in quotes',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply',
};

const problemAt = (position: Position | null, message: string, path = ''): ConfigProblem =>
  position === null ? { path, line: null, message } : { path, line: position.line, column: position.column, message };

const depthOf = (ancestors: readonly unknown[]): number => ancestors.filter((node) => isMap(node) || isSeq(node)).length;

/** What YAML allows and a config does not have: aliases, anchors, tags, secrets in clear, and names that are traps in JavaScript. */
const forbidden = (document: Document, position: (offset: number) => Position): readonly ConfigProblem[] => {
  const problems: ConfigProblem[] = [];
  visit(document, {
    Node: (key, node, ancestors) => {
      const refuse = (message: string): void => {
        problems.push(problemAt(position(node.range?.[0] ?? 0), message, pathText(pathTo(key, [...ancestors]))));
      };
      if (depthOf(ancestors) > limits.jsonDepth) {
        refuse('the file is nested too deeply');
        return visit.BREAK;
      }
      if (isAlias(node)) refuse('aliases (`*name`) are not allowed here; write the value out');
      else if (node.anchor !== undefined) refuse('anchors (`&name`) are not allowed here');
      if (!isAlias(node) && node.tag !== undefined) refuse('tags (`!name`) are not allowed here');
      if (!isScalar(node) || typeof node.value !== 'string') return undefined;
      if (!node.value.isWellFormed()) refuse('this text holds half of a character');
      if (key === 'key' && node.value === '__proto__') refuse('this name is not allowed');
      if (looksLikeCredential(node.value)) {
        refuse(
          'this looks like a credential; a secret is only named, as { env: NAME }, { file: PATH } or { command: [...] }, and this one should be replaced at its issuer',
        );
      }
      return undefined;
    },
  });
  return problems;
};

/** The member path of the node that `visit` reports under `key` with these ancestors. */
const pathTo = (key: number | 'key' | 'value' | null, ancestors: readonly unknown[]): PathStep[] => {
  const path: PathStep[] = [];
  ancestors.forEach((ancestor, index) => {
    if (isPair(ancestor) && isScalar(ancestor.key)) path.push(String(ancestor.key.value));
    const child = ancestors[index + 1];
    if (isSeq(ancestor) && child !== undefined) path.push(ancestor.items.indexOf(child));
  });
  if (typeof key === 'number' && isSeq(ancestors.at(-1))) path.push(key);
  return path;
};

const finder =
  (document: Document, position: (offset: number) => Position): YamlText['positionOf'] =>
  (path, of = 'value') => {
    let node: unknown = document.contents;
    let place = document.contents?.range?.[0] ?? 0;
    for (const [index, step] of path.entries()) {
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
        if (pair === undefined) break;
        const keyPlace = (pair.key as Node).range?.[0] ?? place;
        const valuePlace = (pair.value as Node | null)?.range?.[0] ?? keyPlace;
        place = index === path.length - 1 && of === 'value' && isScalar(pair.value) ? valuePlace : keyPlace;
        node = pair.value;
      } else if (isSeq(node) && typeof step === 'number') {
        node = node.items[step];
        place = (node as Node | undefined)?.range?.[0] ?? place;
      } else break;
    }
    return position(place);
  };

/** The value of the document in `bytes` and where its members stand, or why it cannot be read. */
export const readYaml = (bytes: Uint8Array): YamlText | { readonly problems: readonly ConfigProblem[] } => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { problems: [problemAt(null, 'the file is not UTF-8 text')] };
  }
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, uniqueKeys: true, version: '1.2' });
    // Only the first one: what the library says after it is mostly its consequence.
    const [broken] = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
    if (broken !== undefined) return { problems: [problemAt(position(broken.pos[0]), sentences[broken.code] ?? 'this is not valid YAML')] };
    if (/^%/m.test(text)) return { problems: [problemAt(null, 'directives such as %YAML change what the file means; take them out')] };
    const refused = forbidden(document, position);
    if (refused.length > 0) return { problems: refused };
    return { value: document.toJS({ maxAliasCount: 0 }), positionOf: finder(document, position) };
  } catch {
    // The library runs out of stack on absurd nesting; that is a property of the file, not a bug.
    return { problems: [problemAt(null, 'the file cannot be read as YAML; it may be nested too deeply')] };
  }
};
