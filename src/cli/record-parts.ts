// Records of one run are long and alike: here each is taken apart into what it has in common with others and what is its own, and nothing is lost.
// Pure. `whole` puts a record together again; a test holds every taking apart against it.

type Members = Readonly<Record<string, unknown>>;

/** Stands for a value that several records have, by its place in `values`. */
export interface Reference {
  readonly reference: number;
}

export interface TakenApart {
  /** Place in `classes` of what records of its kind have in common; null where it stands alone. */
  readonly of: number | null;
  /** What the class does not say, or says otherwise. An object goes into the object of the class, anything else replaces. */
  readonly own: ReadonlyMap<string, unknown>;
}

export interface Shared {
  readonly classes: readonly Members[];
  readonly values: readonly unknown[];
  readonly parts: readonly TakenApart[];
}

/** Fewer alike are not worth a look elsewhere. */
const alikeMin = 4;
/** A value shorter than this stands where it is. */
const longCharacters = 96;
const depthMax = 6;

const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value);
const isPlain = (value: unknown): value is Members => isObject(value) && !Object.hasOwn(value, '__proto__');

export const isReference = (value: unknown): value is Reference => value instanceof SharedValue;
class SharedValue implements Reference {
  readonly reference: number;
  constructor(reference: number) {
    this.reference = reference;
  }
}

/** Null for what is nested too deep to be written again. */
const jsonOf = (value: unknown): string | null => {
  try {
    return JSON.stringify(value) ?? null;
  } catch {
    return null;
  }
};

/** What two objects have in common, to the depth that records have; undefined where it is nothing. */
const common = (a: unknown, b: unknown, depth = 0): unknown => {
  if (isPlain(a) && isPlain(b) && depth < depthMax) {
    const members = Object.entries(a).flatMap(([name, value]) => {
      const both = Object.hasOwn(b, name) ? common(value, b[name], depth + 1) : undefined;
      return both === undefined ? [] : [[name, both] as const];
    });
    return members.length === 0 ? (Object.keys(a).length + Object.keys(b).length === 0 ? {} : undefined) : Object.fromEntries(members);
  }
  if (isObject(a) || isObject(b)) return undefined;
  const json = jsonOf(a);
  return json !== null && json === jsonOf(b) ? a : undefined;
};

/** What `value` has beyond `base`, which is in common with it; undefined where it is nothing. */
const beyond = (value: unknown, base: unknown): unknown => {
  if (base === undefined) return value;
  if (!isPlain(value) || !isPlain(base)) return undefined;
  const members = Object.entries(value).flatMap(([name, member]) => {
    const more = Object.hasOwn(base, name) ? beyond(member, base[name]) : member;
    return more === undefined ? [] : [[name, more] as const];
  });
  return members.length === 0 ? undefined : Object.fromEntries(members);
};

/** The value that most records have under a name, where it is no object. */
const usual = (records: readonly Members[], name: string): unknown => {
  const counts = new Map<string, { readonly value: unknown; count: number }>();
  for (const record of records) {
    const json = isObject(record[name]) ? null : jsonOf(record[name]);
    if (json === null) continue;
    const known = counts.get(json) ?? { value: record[name], count: 0 };
    known.count += 1;
    counts.set(json, known);
  }
  const most = [...counts.values()].reduce((a, b) => (b.count > a.count ? b : a), { value: undefined, count: 0 });
  return most.count * 2 > records.length && [...records].every((record) => !isObject(record[name])) ? most.value : undefined;
};

/** What records with the same names have in common. */
const classOf = (records: readonly Members[], first: Members): Members =>
  Object.fromEntries(
    Object.keys(first).flatMap((name) => {
      const shared = records.every((record) => isPlain(record[name]))
        ? records.reduce<unknown>((so, record) => (so === undefined ? undefined : common(so, record[name])), first[name])
        : usual(records, name);
      return shared === undefined ? [] : [[name, shared] as const];
    }),
  );

const ownOf = (record: Members, base: Members): ReadonlyMap<string, unknown> =>
  new Map(
    Object.entries(record).flatMap(([name, value]) => {
      if (!Object.hasOwn(base, name)) return [[name, value] as const];
      if (isPlain(value) && isPlain(base[name])) {
        const more = beyond(value, base[name]);
        return more === undefined ? [] : [[name, more] as const];
      }
      return jsonOf(value) === jsonOf(base[name]) ? [] : [[name, value] as const];
    }),
  );

/** Long values that stand in several records become references. */
const refer = (parts: readonly TakenApart[]): { readonly values: readonly unknown[]; readonly parts: readonly TakenApart[] } => {
  const counts = new Map<string, number>();
  const longJson = (value: unknown): string | null => {
    const json = jsonOf(value);
    return json !== null && json.length >= longCharacters ? json : null;
  };
  for (const { own } of parts)
    for (const value of own.values()) {
      const json = longJson(value);
      if (json !== null) counts.set(json, (counts.get(json) ?? 0) + 1);
    }
  const values: unknown[] = [];
  const references = new Map<string, Reference>();
  const referred = (value: unknown): unknown => {
    const json = longJson(value);
    if (json === null || (counts.get(json) ?? 0) < 2) return value;
    const reference = references.get(json) ?? new SharedValue(values.push(value) - 1);
    references.set(json, reference);
    return reference;
  };
  const shortened = parts.map(({ of, own }) => ({ of, own: new Map([...own].map(([name, value]) => [name, referred(value)])) }));
  return { values, parts: shortened };
};

/** Takes records apart. Those for which `alone` is true stay whole. */
export const shareMembers = (records: readonly Members[], alone: (record: Members) => boolean): Shared => {
  const alike = new Map<string, Members[]>();
  const kindOf = (record: Members): string => jsonOf([record['stream'], record['kind'], Object.keys(record)]) ?? '';
  for (const record of records) {
    if (alone(record)) continue;
    const same = alike.get(kindOf(record)) ?? [];
    alike.set(kindOf(record), same);
    same.push(record);
  }
  const classes: Members[] = [];
  const places = new Map<string, number>();
  for (const [kind, [first, ...others]] of alike)
    if (first !== undefined && others.length + 1 >= alikeMin) places.set(kind, classes.push(classOf([first, ...others], first)) - 1);
  const parts = records.map((record): TakenApart => {
    const of = alone(record) ? null : (places.get(kindOf(record)) ?? null);
    return { of, own: ownOf(record, (of === null ? undefined : classes[of]) ?? {}) };
  });
  return { classes, ...refer(parts) };
};

/** What two parts say alike, and what is left of each. */
export const shareOfTwo = (
  one: TakenApart['own'],
  other: TakenApart['own'],
): { readonly both: TakenApart['own']; readonly one: TakenApart['own']; readonly other: TakenApart['own'] } => {
  const alike = new Map(
    [...one].flatMap(([name, value]) => {
      const both = other.has(name) ? common(value, other.get(name)) : undefined;
      return both === undefined ? [] : [[name, both] as const];
    }),
  );
  const left = (own: TakenApart['own']): TakenApart['own'] =>
    new Map(
      [...own].flatMap(([name, value]) => {
        const more = beyond(value, alike.get(name));
        return more === undefined ? [] : [[name, more] as const];
      }),
    );
  return { both: alike, one: left(one), other: left(other) };
};

const merged = (base: unknown, own: unknown): unknown => {
  if (!isPlain(base) || !isPlain(own)) return own;
  const members = new Map<string, unknown>(Object.entries(base));
  for (const [name, value] of Object.entries(own)) members.set(name, members.has(name) ? merged(members.get(name), value) : value);
  return Object.fromEntries(members);
};

/** The record that was taken apart, its members in any order. */
export const whole = ({ classes, values }: Pick<Shared, 'classes' | 'values'>, { of, own }: TakenApart): unknown => {
  const members = [...own].map(([name, value]) => [name, isReference(value) ? values[value.reference] : value] as const);
  return merged((of === null ? undefined : classes[of]) ?? {}, Object.fromEntries(members));
};
