// Which of two versions is older, by their three leading numbers (semver.org, item 11, without what follows a hyphen).
// What is no such version is older than nothing and newer than nothing. Pure.

const numbersOf = (version: string): readonly number[] | null => {
  const found = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?$/.exec(version);
  return found === null ? null : found.slice(1).map(Number);
};

export const isOlder = (version: string, than: string): boolean => {
  const [a, b] = [numbersOf(version), numbersOf(than)];
  if (a === null || b === null) return false;
  const at = a.findIndex((part, index) => part !== b[index]);
  return at !== -1 && (a[at] ?? 0) < (b[at] ?? 0);
};
