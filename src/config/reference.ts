// The reference page of the config, as Markdown for people.
// Rendered from the emitted JSON Schema, so that page, editor and loader cannot differ. Pure.

import { formsOf, type SchemaNode } from './explain.ts';

interface Row {
  readonly path: string;
  readonly form: string;
  readonly fallback: string;
  readonly description: string;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

const formOf = (node: SchemaNode): string => {
  if (node.enum !== undefined) return node.enum.map(code).join(', ');
  if (node.const !== undefined) return code(node.const);
  if (node.anyOf !== undefined) return formsOf(node);
  if (node.type === 'array') return `list of ${node.items === undefined ? 'values' : formOf(node.items)}`;
  if (node.type === 'object') return node.properties === undefined ? 'mapping by name' : 'mapping';
  const range = [
    node.minimum === undefined ? '' : `from ${node.minimum}`,
    node.exclusiveMinimum === undefined ? '' : `over ${node.exclusiveMinimum}`,
    node.maximum === undefined ? '' : `to ${node.maximum}`,
  ];
  return [{ string: 'text', integer: 'whole number', number: 'number', boolean: 'true or false' }[node.type ?? ''] ?? 'value', ...range]
    .filter(Boolean)
    .join(' ');
};

const rowsOf = (node: SchemaNode, path: string, required: boolean): readonly Row[] => {
  const own: Row = {
    path,
    form: formOf(node),
    fallback: required ? 'required' : node.default === undefined || typeof node.default === 'object' ? '' : code(node.default),
    description: node.description ?? '',
  };
  return [own, ...childRows(node, path)];
};

const childRows = (node: SchemaNode, path: string): readonly Row[] => {
  const named = Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    rowsOf(child, path === '' ? key : `${path}.${key}`, node.required?.includes(key) ?? false),
  );
  const byName = typeof node.additionalProperties === 'object' ? childRows(node.additionalProperties, `${path}.NAME`) : [];
  const inList = node.items === undefined ? [] : childRows(node.items, `${path}[]`);
  const either = (node.anyOf ?? []).flatMap((option) => childRows(option, path));
  return [...named, ...byName, ...inList, ...either];
};

/** Markdown. `notBuilt` are names that the file may not have yet. */
export const renderReference = (schema: SchemaNode, notBuilt: readonly string[]): string => {
  const sections = Object.entries(schema.properties ?? {}).map(([key, node]) => {
    const rows = rowsOf(node, key, schema.required?.includes(key) ?? false);
    const lines = rows.map((row) => `| \`${row.path}\` | ${cell(row.form)} | ${cell(row.fallback)} | ${cell(row.description)} |`);
    return [`## ${key}`, '', '| setting | form | default | meaning |', '| --- | --- | --- | --- |', ...lines, ''].join('\n');
  });
  return [
    '# Config reference',
    '',
    'Generated from the schemas in the code by `npm run docs`; do not edit.',
    '',
    'One YAML file, by default `sealwright.yaml`. An unknown name is an error that says where it stands and which known name is nearest.',
    'Paths are relative to the file. The file must not be writable by anybody but its owner. Secrets are only named, never written:',
    '`{ env: NAME }`, `{ file: PATH }` or `{ command: [...] }`. Check a file with `sealwright check`; nothing is contacted.',
    '',
    ...sections,
    '## Not built yet',
    '',
    `These names are known and refused until what they configure exists: ${notBuilt.map((name) => `\`${name}\``).join(', ')}.`,
    '',
  ].join('\n');
};
