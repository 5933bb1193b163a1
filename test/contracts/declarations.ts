// What the type declarations of a vendor's SDK say: its interfaces with their members, and its unions. Read from the text, since the compiler
// has no interface for programs any more. Made for declarations as generators lay them out: one member a line, blocks closed at their own indent.
// Throws on a name that is not declared: a check of nothing must not pass.

import { readFileSync } from 'node:fs';

/** Member names to the text of their types. */
export type Members = ReadonlyMap<string, string>;

export interface Declarations {
  /** Of all interfaces and classes. */
  readonly names: readonly string[];
  /** The members of an interface or a class, those that it inherits too, by its name with the namespaces around it: `Tool.Mcp`. */
  readonly membersOf: (name: string) => Members;
  /** The names in a union, unions in it resolved; a name that is no union stands for itself. */
  readonly namesIn: (name: string) => readonly string[];
}

interface Block {
  readonly name: string;
  readonly indent: number;
  /** Null for a namespace. */
  readonly members: Map<string, string> | null;
}

const opening = /^( *)(?:export )?(?:declare )?(interface|class|namespace) (\w+)\b(?:.*? extends ([\w.]+))?.*\{$/;
const alias = /^ *(?:export )?(?:declare )?type (\w+) = (.*);$/;
const member = /^( *)(?:readonly )?(\w+)\??: (.*)$/;
const INDENT = 4;

const linesOf = (path: string): readonly string[] =>
  readFileSync(new URL(`../../node_modules/${path}`, import.meta.url), 'utf8')
    .replaceAll('\r\n', '\n')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .split('\n');

interface Declared {
  readonly interfaces: ReadonlyMap<string, { readonly members: Members; readonly parent: string | undefined }>;
  readonly unions: ReadonlyMap<string, readonly string[]>;
}

const readDeclarations = (lines: readonly string[]): Declared => {
  const interfaces = new Map<string, { readonly members: Members; readonly parent: string | undefined }>();
  const unions = new Map<string, readonly string[]>();
  const around: Block[] = [];
  const qualified = (name: string): string => [...around.map((outer) => outer.name), name].join('.');
  for (const line of lines) {
    const inner = around.at(-1);
    const [, indent = '', kind, name = '', parent] = opening.exec(line) ?? [];
    const [, unionName, union = ''] = alias.exec(line) ?? [];
    const [, depth = '', memberName, type = ''] = member.exec(line) ?? [];
    if (inner !== undefined && line === `${' '.repeat(inner.indent)}}`) around.pop();
    else if (kind !== undefined) {
      const members = kind === 'namespace' ? null : new Map<string, string>();
      if (members !== null) interfaces.set(qualified(name), { members, parent });
      around.push({ name, indent: indent.length, members });
    } else if (inner !== undefined && inner.members !== null) {
      if (memberName !== undefined && depth.length === inner.indent + INDENT) inner.members.set(memberName, type.replace(/;$/, ''));
    } else if (unionName !== undefined) {
      const parts = union.split('|').map((part) => part.trim());
      unions.set(qualified(unionName), parts);
    }
  }
  return { interfaces, unions };
};

export const declarationsIn = (path: string): Declarations => {
  const { interfaces, unions } = readDeclarations(linesOf(path));
  /** Other files of an SDK are imported under a name of their own. */
  const here = (name: string): string => name.replace(/^\w+API\./, '');
  const namesIn = (name: string): readonly string[] => {
    const union = unions.get(here(name));
    if (union !== undefined) return union.flatMap(namesIn);
    if (!interfaces.has(here(name))) throw new Error(`${path} declares no ${name}`);
    return [here(name)];
  };
  const membersOf = (name: string): Members => {
    const found = interfaces.get(here(name));
    if (found === undefined) throw new Error(`${path} declares no ${name}`);
    const inherited = found.parent === undefined ? [] : membersOf(found.parent);
    const members = new Map([...inherited, ...found.members]);
    if (members.size === 0) throw new Error(`${path} declares no member of ${name}`);
    return members;
  };
  return { names: [...interfaces.keys()], namesIn, membersOf };
};

/** The texts of a type that is made of literals: `'a' | 'b'`. Empty for any other. */
export const literalsIn = (type: string | undefined): readonly string[] =>
  [...(type ?? '').matchAll(/['"]([^'"]+)['"]/g)].flatMap(([, literal]) => literal ?? []);
