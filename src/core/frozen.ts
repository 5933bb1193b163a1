// A deep, read-only copy of plain data. Objects of the copy have no prototype, so that looking up a name such as `constructor`
// finds nothing unless somebody put it there. For settings: never for values with a class of their own.

export type Frozen<T> = T extends readonly (infer Element)[]
  ? readonly Frozen<Element>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

export const frozen = <T>(value: T): Frozen<T> => {
  if (Array.isArray(value)) return Object.freeze(value.map((element: unknown) => frozen(element))) as Frozen<T>;
  if (typeof value !== 'object' || value === null) return value as Frozen<T>;
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of Object.entries(value)) if (member !== undefined) copy[key] = frozen<unknown>(member);
  return Object.freeze(copy) as Frozen<T>;
};
