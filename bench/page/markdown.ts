// Markdown as this project's formatter leaves it, so that a generated table in a page passes the gate: columns as wide as their widest cell.
// And the parts of a page between markers, which are replaced whole; a marker that is missing or twice there throws.

const widthOf = (text: string): number => text.length;

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => widthOf(row[column] ?? ''))));
  const said = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell))).join(' | ')} |`;
  const [first = [], ...rest] = cells;
  return [said(first), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest.map(said)].join('\n');
};

const marker = (name: string, edge: 'begin' | 'end'): string => `<!-- ${edge}: ${name} -->`;

export const withPart = (page: string, name: string, part: string): string => {
  const [begin, end] = [marker(name, 'begin'), marker(name, 'end')];
  const [before, middle, ...more] = page.split(begin);
  const after = middle?.split(end);
  if (before === undefined || after === undefined || more.length > 0 || after.length !== 2)
    throw new Error(`the page needs each of ${begin} and ${end} once`);
  return `${before}${begin}\n\n${part}\n\n${end}${after[1] ?? ''}`;
};
