// Which header fields travel on: those that a list names, and nothing by default.
// Names are lower-case; a trailing `*` in a list matches any ending.

export const selectHeaders = (names: readonly string[], headers: Readonly<Record<string, string | undefined>>): Record<string, string> => {
  const matches = (name: string): boolean =>
    names.some((listed) => (listed.endsWith('*') ? name.startsWith(listed.slice(0, -1)) : name === listed));
  const selected: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined && matches(name)) selected[name] = value;
  return selected;
};
