// An example that a JSON Schema allows, for answers that must have one. Knows what vendors let people ask for, not all of JSON Schema.
// Pure and deterministic; bounded in depth and size, and anything that is no schema gets a string. Never throws.

type Members = Readonly<Record<string, unknown>>;

const depthMax = 32;
const charactersMax = 65_536;
const itemsMax = 8;
/** About what one value takes, so that a schema which refers to itself over and over ends. */
const nodeCharacters = 32;
/** Deeper than this only what must be there is made, so that a schema which contains itself ends. */
const optionalDepth = 6;

const isMembers = (value: unknown): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value);
const membersOf = (value: unknown): Members => (isMembers(value) ? value : {});
const numberOr = (value: unknown, otherwise: number): number => (typeof value === 'number' && Number.isFinite(value) ? value : otherwise);

const formats: Readonly<Record<string, string>> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  email: 'simulated@example.com',
  uuid: '00000000-0000-4000-8000-000000000000',
  uri: 'https://example.com/',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  hostname: 'example.com',
};

export const exampleOf = (schema: unknown): unknown => {
  let left = charactersMax;
  const root = membersOf(schema);

  const resolved = (node: Members, hops = 0): Members => {
    const reference = node['$ref'];
    if (typeof reference !== 'string' || !reference.startsWith('#') || hops > itemsMax) return node;
    const steps = reference.slice(1).split('/').filter(Boolean);
    const target = steps.reduce<unknown>((at, step) => membersOf(at)[step.replaceAll('~1', '/').replaceAll('~0', '~')], root);
    return resolved(membersOf(target), hops + 1);
  };

  const object = (node: Members, depth: number): unknown => {
    const properties = membersOf(node['properties']);
    const required = Array.isArray(node['required']) ? node['required'] : null;
    const wanted = Object.entries(properties).filter(([name]) => required?.includes(name) ?? depth < optionalDepth);
    const made: [string, unknown][] = [];
    for (const [name, child] of wanted) {
      left -= name.length;
      if (left > 0) made.push([name, make(child, depth + 1)]);
    }
    return Object.fromEntries(made);
  };

  const array = (node: Members, depth: number): unknown => {
    const least = numberOr(node['minItems'], depth < optionalDepth ? 1 : 0);
    const prefix = Array.isArray(node['prefixItems']) ? node['prefixItems'] : [];
    const count = Math.min(Math.max(least, prefix.length), numberOr(node['maxItems'], itemsMax), itemsMax);
    return Array.from({ length: Math.max(0, count) }, (_, index) => make(prefix[index] ?? node['items'], depth + 1));
  };

  const literal = (value: unknown): unknown => {
    left -= lengthOf(value);
    return left < 0 ? null : (value ?? null);
  };

  const make = (given: unknown, depth: number): unknown => {
    left -= nodeCharacters;
    if (depth > depthMax || left < 0) return null;
    const node = resolved(membersOf(given));
    if ('const' in node) return literal(node['const']);
    if (Array.isArray(node['enum'])) return literal(node['enum'][0]);
    for (const choice of [node['anyOf'], node['oneOf'], node['allOf']])
      if (Array.isArray(choice) && choice.length > 0) return make(choice[0], depth + 1);
    switch (typeOf(node)) {
      case 'object':
        return object(node, depth);
      case 'array':
        return array(node, depth);
      case 'integer':
      case 'number':
        return number(node);
      case 'boolean':
        return false;
      case 'null':
        return null;
      default:
        return string(node);
    }
  };
  return make(root, 0);
};

const lengthOf = (value: unknown): number => {
  try {
    return JSON.stringify(value)?.length ?? 0;
  } catch {
    // Nested too deep to be written.
    return Number.POSITIVE_INFINITY;
  }
};

/** One vendor writes types in capitals, and lists stand for a choice. */
const typeOf = ({ type, properties }: Members): string => {
  const named: unknown = Array.isArray(type) ? (type.find((each) => each !== 'null') ?? 'null') : type;
  if (typeof named === 'string') return named.toLowerCase();
  return properties === undefined ? 'string' : 'object';
};

const number = (node: Members): number => {
  const above = node['exclusiveMinimum'];
  return typeof above === 'number'
    ? Math.floor(above) + 1
    : Math.ceil(numberOr(node['minimum'], Math.min(0, numberOr(node['maximum'], 0))));
};

const string = (node: Members): string => {
  const format = node['format'];
  const text = (typeof format === 'string' && Object.hasOwn(formats, format) ? formats[format] : undefined) ?? '[simulated]';
  const least = Math.min(numberOr(node['minLength'], 0), nodeCharacters * 8);
  return text.padEnd(least, '.').slice(0, Math.max(least, numberOr(node['maxLength'], text.length)));
};
