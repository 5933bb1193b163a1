// Writes counters into TypeScript source: one for each function, branch, loop body and case, on the line where it stands, so that places in a stack stay true.
// Contract: what the source does stays the same. Throws on source that does not parse, and on nothing else.

import { parseSync, visitorKeys } from 'oxc-parser';

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

export interface Instrumented {
  readonly code: string;
  /** How many counters were written, numbered from the one that was given. */
  readonly count: number;
  /** Texts and names of members that the source compares with or looks up: what inputs are made of. */
  readonly words: readonly string[];
}

/** The global that holds the counters. */
export const countersName = 'sealwrightFuzzCounters';

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** Types are no code, but for those that stand around an expression. */
const aroundExpressions = new Set(['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression']);
const notWalked = (type: string): boolean =>
  (type.startsWith('TS') && !aroundExpressions.has(type)) || type === 'ImportDeclaration' || type === 'ExportAllDeclaration';

const childrenOf = (node: Node): readonly Node[] => (visitorKeys[node.type] ?? []).flatMap((key) => [node[key]].flat()).filter(isNode);

const wordCharacters = { min: 2, max: 48 };

const wordOf = (node: Node): string | null => {
  const { key, value } = node;
  if (node.type === 'Literal') return typeof value === 'string' ? value : null;
  if (node.type === 'TemplateElement') return (value as { readonly cooked: string | null }).cooked;
  return node.type === 'Property' && isNode(key) && key.type === 'Identifier' ? String(key['name']) : null;
};

class Edits {
  readonly #before = new Map<number, string>();
  readonly #after = new Map<number, string>();
  readonly #first: number;
  #next: number;

  constructor(first: number) {
    this.#first = first;
    this.#next = first;
  }

  get count(): number {
    return this.#next - this.#first;
  }

  counter(): string {
    return `__e[${this.#next++}]++`;
  }

  /** Outer nodes are visited first: theirs stands before what is put in at the same place later, and closes after it. */
  open(at: number, text: string): void {
    this.#before.set(at, `${this.#before.get(at) ?? ''}${text}`);
  }

  close(at: number, text: string): void {
    this.#after.set(at, `${text}${this.#after.get(at) ?? ''}`);
  }

  apply(source: string): string {
    const places = [...new Set([...this.#before.keys(), ...this.#after.keys()])].toSorted((a, b) => a - b);
    let out = '';
    let at = 0;
    for (const place of places) {
      out += source.slice(at, place) + (this.#after.get(place) ?? '') + (this.#before.get(place) ?? '');
      at = place;
    }
    return out + source.slice(at);
  }
}

const countExpression = (edits: Edits, node: unknown): void => {
  if (!isNode(node)) return;
  edits.open(node.start, `(${edits.counter()},`);
  edits.close(node.end, ')');
};

const countStatement = (edits: Edits, node: unknown, behind = ''): void => {
  if (!isNode(node)) return;
  if (node.type === 'BlockStatement') {
    edits.open(node.start + 1, `${edits.counter()};`);
    if (behind !== '') edits.close(node.end, behind);
    return;
  }
  edits.open(node.start, `{${edits.counter()};`);
  edits.close(node.end, `}${behind}`);
};

const edit = (edits: Edits, node: Node): void => {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'CatchClause':
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
      return countStatement(edits, node['body']);
    case 'ArrowFunctionExpression':
      return node['expression'] === true ? countExpression(edits, node['body']) : countStatement(edits, node['body']);
    case 'IfStatement':
      countStatement(edits, node['consequent'], node['alternate'] === null ? ` else{${edits.counter()}}` : '');
      return countStatement(edits, node['alternate']);
    case 'SwitchCase': {
      const [first] = node['consequent'] as readonly Node[];
      return first === undefined ? undefined : edits.open(first.start, `${edits.counter()};`);
    }
    case 'ConditionalExpression':
      countExpression(edits, node['consequent']);
      return countExpression(edits, node['alternate']);
    case 'LogicalExpression':
      return countExpression(edits, node['right']);
    default:
      return undefined;
  }
};

export const instrument = (path: string, source: string, firstCounter: number): Instrumented => {
  const { program, errors } = parseSync(path, source);
  if (errors[0] !== undefined) throw new SyntaxError(`${path}: ${errors[0].message}`);
  const edits = new Edits(firstCounter);
  const words = new Set<string>();
  const waiting: Node[] = [program as unknown as Node];
  // Depth first and in the order of the source: that is the order in which edits at one place nest.
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (notWalked(node.type)) continue;
    const word = wordOf(node);
    if (word !== null && word.length >= wordCharacters.min && word.length <= wordCharacters.max) words.add(word);
    edit(edits, node);
    waiting.push(...childrenOf(node).toReversed());
  }
  return { code: `const __e=globalThis.${countersName};${edits.apply(source)}`, count: edits.count, words: [...words] };
};
