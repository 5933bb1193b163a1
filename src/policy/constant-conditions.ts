// Whether a condition is the same whatever is asked, as far as its syntax shows: literals, a thing compared with itself,
// contradictions and tautologies of `&&` and `||`, hours that no day has. Null means that the syntax does not show it.

import type { Clause } from '@cedar-policy/cedar-wasm/nodejs';

type Expr = Clause['body'];
type Pair = { readonly left: Expr; readonly right: Expr };

const memberOf = (expr: Expr, name: string): unknown => (Object.hasOwn(expr, name) ? (expr as Record<string, unknown>)[name] : undefined);

const pairOf = (expr: Expr, operator: string): Pair | null => {
  const pair = memberOf(expr, operator);
  return typeof pair === 'object' && pair !== null && 'left' in pair && 'right' in pair ? (pair as Pair) : null;
};

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const literal = (expr: Expr): string | number | boolean | null => {
  const value = memberOf(expr, 'Value');
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
};

const isHour = (expr: Expr): boolean => {
  const access = memberOf(expr, '.') as { readonly left: Expr; readonly attr: string } | undefined;
  return access?.attr === 'hour' && memberOf(access.left, 'Var') === 'context';
};

const hoursMax = 23;
const hours = Array.from({ length: hoursMax + 1 }, (_, hour) => hour);

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

/** The values that a side can have: one for a literal, each hour for the hour, unknown otherwise. */
const valuesOf = (expr: Expr): readonly number[] | null => {
  if (isHour(expr)) return hours;
  const value = literal(expr);
  return typeof value === 'number' ? [value] : null;
};

const compared = (expr: Expr): boolean | null => {
  for (const [operator, holds] of Object.entries(comparisons)) {
    const pair = pairOf(expr, operator);
    if (pair === null) continue;
    const [left, right] = [valuesOf(pair.left), valuesOf(pair.right)];
    if (left !== null && right !== null) {
      const answers = new Set(left.flatMap((a) => right.map((b) => holds(a, b))));
      if (answers.size === 1) return answers.has(true);
    }
    if (operator !== '==' && operator !== '!=') return same(pair.left, pair.right) ? operator.endsWith('=') : null;
    if (same(pair.left, pair.right)) return operator === '==';
    // Two different literals of other kinds are never equal.
    const [a, b] = [literal(pair.left), literal(pair.right)];
    return a !== null && b !== null ? operator === '!=' : null;
  }
  return null;
};

/** The parts that `operator` joins, flat. */
const partsOf = (expr: Expr, operator: '&&' | '||'): readonly Expr[] => {
  const pair = pairOf(expr, operator);
  return pair === null ? [expr] : [...partsOf(pair.left, operator), ...partsOf(pair.right, operator)];
};

const negated = (expr: Expr): Expr | null => (memberOf(expr, '!') as { readonly arg: Expr } | undefined)?.arg ?? null;

/** `x == 1 && x == 2`, and `a && !a`. */
const contradict = (a: Expr, b: Expr): boolean => {
  if (same(negated(a), b) || same(a, negated(b))) return true;
  const [one, other] = [pairOf(a, '=='), pairOf(b, '==')];
  if (one === null || other === null || !same(one.left, other.left)) return false;
  const [x, y] = [memberOf(one.right, 'Value'), memberOf(other.right, 'Value')];
  return x !== undefined && y !== undefined && !same(x, y);
};

const somePair = (parts: readonly Expr[], holds: (a: Expr, b: Expr) => boolean): boolean =>
  parts.some((a, index) => parts.slice(index + 1).some((b) => holds(a, b)));

const joined = (expr: Expr): boolean | null => {
  const all = partsOf(expr, '&&');
  if (all.length > 1) {
    const values = all.map(constantOf);
    if (values.includes(false) || somePair(all, contradict)) return false;
    return values.every((value) => value === true) ? true : null;
  }
  const any = partsOf(expr, '||');
  if (any.length === 1) return null;
  const values = any.map(constantOf);
  if (values.includes(true) || somePair(any, (a, b) => same(negated(a), b) || same(a, negated(b)))) return true;
  return values.every((value) => value === false) ? false : null;
};

/** The value that the condition always has; null where its syntax does not show one. */
export const constantOf = (expr: Expr): boolean | null => {
  const value = literal(expr);
  if (typeof value === 'boolean') return value;
  const inner = negated(expr);
  if (inner !== null) {
    const opposite = constantOf(inner);
    return opposite === null ? null : !opposite;
  }
  return compared(expr) ?? joined(expr);
};
