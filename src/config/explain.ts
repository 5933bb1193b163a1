// Turns what the schema found wrong into sentences: what was expected, what stands there instead (its kind, never its value),
// and the nearest known name. Walks the emitted JSON Schema to know which names are known at a path.

import type { z } from 'zod';
import { nearest } from '../core/nearest.ts';
import { type ConfigProblem, pathText, type PathStep } from './problem.ts';
import type { YamlText } from './read-yaml.ts';

/** As much of a JSON Schema as is walked here and in the reference page. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

type Issue = z.core.$ZodIssue;

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return kinds[typeof value] ?? 'something else';
};

const valueAt = (value: unknown, path: readonly PathStep[]): unknown =>
  path.reduce<unknown>((at, step) => (typeof at === 'object' && at !== null ? (at as Record<PathStep, unknown>)[step] : undefined), value);

const childrenOf = (node: SchemaNode, step: PathStep): readonly SchemaNode[] => {
  if (node.anyOf !== undefined) return node.anyOf.flatMap((option) => childrenOf(option, step));
  if (typeof step === 'number') return node.items === undefined ? [] : [node.items];
  const property = node.properties?.[step];
  if (property !== undefined) return [property];
  return typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
};

const nodesAt = (schema: SchemaNode, path: readonly PathStep[]): readonly SchemaNode[] =>
  path.reduce<readonly SchemaNode[]>((nodes, step) => nodes.flatMap((node) => childrenOf(node, step)), [schema]);

const formOf = (node: SchemaNode): string => {
  if (node.properties === undefined) return kinds[node.type ?? ''] ?? 'a value';
  return `{ ${(node.required ?? Object.keys(node.properties)).map((key) => `${key}: …`).join(', ')} }`;
};

/** `text` or `{ tool: … }`: the forms that a value may have where there are several. */
export const formsOf = (node: SchemaNode): string => (node.anyOf ?? [node]).map(formOf).join(' or ');

const bound = (issue: Issue & { readonly code: 'too_small' | 'too_big' }): string => {
  const least = issue.code === 'too_small';
  const count = Number(least ? issue.minimum : issue.maximum);
  const exclusive = issue.inclusive === false;
  if (issue.origin === 'string')
    return least && count === 1 ? 'must not be empty' : `must have at ${least ? 'least' : 'most'} ${count} characters`;
  if (issue.origin === 'array') return `must list at ${least ? 'least' : 'most'} ${count === 1 ? 'one entry' : `${count} entries`}`;
  if (exclusive) return `must be ${least ? 'more' : 'less'} than ${count}`;
  return `must be at ${least ? 'least' : 'most'} ${count}`;
};

/** Explains issues of one document against its schema, which is asked for only where there are any. */
export const createExplainer = (schema: () => SchemaNode, document: YamlText) => {
  const at = (path: readonly PathStep[], message: string, of: 'key' | 'value' = 'value', meant?: string): ConfigProblem => ({
    path: pathText(path),
    ...document.positionOf(path, of),
    message,
    ...(meant === undefined ? {} : { nearest: meant }),
  });

  const unknownKey = (path: readonly PathStep[], key: string): ConfigProblem => {
    const known = nodesAt(schema(), path).flatMap((node) =>
      [node, ...(node.anyOf ?? [])].flatMap((option) => Object.keys(option.properties ?? {})),
    );
    return at([...path, key], 'is not a known setting', 'key', nearest(key, known));
  };

  const union = (path: readonly PathStep[], branches: readonly (readonly Issue[])[]): readonly ConfigProblem[] => {
    const close = branches.filter((issues) => !issues.some((issue) => issue.path.length === 0 && issue.code !== 'unrecognized_keys'));
    const [only] = close;
    if (close.length === 1 && only !== undefined) return only.flatMap((issue) => explainAt(path, issue));
    const forms = nodesAt(schema(), path).map(formsOf).join(' or ');
    return [at(path, `expected ${forms}, found ${kindOf(valueAt(document.value, path))}${close.length > 1 ? ' of another form' : ''}`)];
  };

  const explainAt = (base: readonly PathStep[], issue: Issue): readonly ConfigProblem[] => {
    const path = [...base, ...(issue.path as PathStep[])];
    const found = valueAt(document.value, path);
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => unknownKey(path, key));
      case 'invalid_type':
        if (found === undefined) return [at(path, 'is missing')];
        return [at(path, `expected ${kinds[issue.expected] ?? issue.expected}, found ${kindOf(found)}`)];
      case 'invalid_value': {
        if (found === undefined) return [at(path, 'is missing')];
        const values = issue.values.map(String);
        return [
          at(
            path,
            `must be ${values.length === 1 ? '' : 'one of '}${values.join(', ')}`,
            'value',
            typeof found === 'string' ? nearest(found, values) : undefined,
          ),
        ];
      }
      case 'too_small':
      case 'too_big':
        return [at(path, bound(issue))];
      case 'invalid_union':
        return union(path, issue.errors);
      case 'invalid_key':
        return issue.issues.map((inner) => at(path, inner.code === 'too_big' ? bound(inner) : inner.message, 'key'));
      case 'custom':
      case 'invalid_format':
      case 'invalid_element':
      case 'not_multiple_of':
        // Sentences that a schema of ours states itself.
        return [at(path, issue.message)];
    }
  };

  return {
    at,
    explain: (issue: Issue): readonly ConfigProblem[] => explainAt([], issue),
  };
};
