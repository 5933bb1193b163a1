// Which header fields travel on: those that a list names, and nothing by default.
// Names are lower-case; a trailing `*` in a list matches any ending.

interface Selection {
  readonly names: ReadonlySet<string>;
  readonly beginnings: readonly string[];
}

/** Goes with its list, which does not change. */
const selections = new WeakMap<readonly string[], Selection>();

const selectionOf = (listed: readonly string[]): Selection => {
  const known = selections.get(listed);
  if (known !== undefined) return known;
  const selection = {
    names: new Set(listed.filter((name) => !name.endsWith('*'))),
    beginnings: listed.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1)),
  };
  selections.set(listed, selection);
  return selection;
};

export const selectHeaders = (listed: readonly string[], headers: Readonly<Record<string, string | undefined>>): Record<string, string> => {
  const { names, beginnings } = selectionOf(listed);
  const selected: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined) continue;
    if (names.has(name) || beginnings.some((beginning) => name.startsWith(beginning))) selected[name] = value;
  }
  return selected;
};
