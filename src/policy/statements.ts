// The statements of Cedar's text, told apart before Cedar reads it: where each begins, and how deep its conditions go.
// Cedar's engine follows nesting and chains with its stack; one that is too deep for it ends every later decision of the process.
// Pure and total: text that is not Cedar has statements too, and Cedar then says what is wrong with it.

/** One policy with its annotations, as it stands in the text. */
export interface Statement {
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** At least as many steps as its deepest path has; a bracket counts three times as much as an operator. */
  readonly depth: number;
}

// A string that is never closed goes on to the end: to look for its end from each quote in it would take forever.
const token = /\/\/[^\n]*|"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|[A-Za-z_]\w*|&&|\|\||[=!<>]=|[-<>+*!.,;@()[\]{}\n]/gs;

/** From the loosest to the tightest. What is not here does not make a condition deeper. */
const strengths: ReadonlyMap<string, number> = new Map([
  ...['if', 'then', 'else', 'when', 'unless'].map((word) => [word, 0] as const),
  ['||', 1],
  ['&&', 2],
  ...['==', '!=', '<', '<=', '>', '>=', 'in', 'has', 'like', 'is', '+', '-', '*', '!', '.'].map((word) => [word, 3] as const),
]);

const bracketDepth = 3;
const tightest = 3;

/** How deep what stands between two brackets or commas goes. */
const createLevel = () => {
  let deepest = 0;
  let inner = 0;
  const counts = [0, 0, 0, 0];
  const parts = [0, 0, 0, 0];
  /** Ends all that binds tighter than `strength`. */
  const ended = (strength: number): number => {
    let depth = inner;
    inner = 0;
    for (let each = tightest; each > strength; each -= 1) {
      depth = Math.max(depth, parts[each] ?? 0) + (counts[each] ?? 0);
      [parts[each], counts[each]] = [0, 0];
    }
    return depth;
  };
  return {
    bracket: (depth: number): void => void (inner = Math.max(inner, depth + bracketDepth)),
    operator: (strength: number): void => {
      parts[strength] = Math.max(parts[strength] ?? 0, ended(strength));
      counts[strength] = (counts[strength] ?? 0) + 1;
    },
    comma: (): void => void (deepest = Math.max(deepest, ended(-1))),
    end: (): number => Math.max(deepest, ended(-1)),
  };
};

export const statementsOf = (text: string): readonly Statement[] => {
  const statements: Statement[] = [];
  const outer: ReturnType<typeof createLevel>[] = [];
  let level = createLevel();
  let line = 1;
  let begun: { readonly at: number; readonly line: number } | null = null;
  const close = (): void => {
    const around = outer.pop();
    if (around === undefined) return;
    around.bracket(level.end());
    level = around;
  };
  const finish = (end: number): void => {
    while (outer.length > 0) close();
    if (begun !== null) statements.push({ text: text.slice(begun.at, end), line: begun.line, depth: level.end() });
    level = createLevel();
    begun = null;
  };
  for (const { 0: found, index } of text.matchAll(token)) {
    if (found === '\n') line += 1;
    if (found === '\n' || found.startsWith('//')) continue;
    begun ??= { at: index, line };
    if (found.startsWith('"')) line += found.split('\n').length - 1;
    const strength = strengths.get(found);
    if (strength !== undefined) level.operator(strength);
    else if ('([{'.includes(found)) {
      outer.push(level);
      level = createLevel();
    } else if (')]}'.includes(found)) close();
    else if (found === ',') level.comma();
    else if (found === ';') finish(index + 1);
  }
  finish(text.length);
  return statements;
};
