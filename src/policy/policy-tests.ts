// Policy tests in the form of `cedar run-tests`, so that the stock tool runs the same files: what each found, and which policies none exercised.
// Pure: files come in as text. A file or case that cannot be read is a problem with its place; a case that fails says what was found instead.

import { policyToJson, type AuthorizationAnswer } from '@cedar-policy/cedar-wasm/nodejs';
import { entityIn, type EntityId, written } from './cedar-text.ts';
import { createAuthorizer, type Authorizer, type Question } from './evaluate.ts';
import type { PolicyFile, PolicyProblem } from './policy-files.ts';
import { plainEntity } from './policy-set.ts';
import type { Rules } from './rules.ts';
import { cedarSchema } from './schema.ts';

/** What a test expects of the policies that only observe, beside what the form has; the stock tool passes over it. */
interface ObservedExpected {
  readonly decision: 'allow' | 'deny';
  readonly reason: readonly string[];
}

interface TestCase {
  readonly file: string;
  /** From 1. */
  readonly number: number;
  readonly name: string;
  readonly question: Question;
  readonly decision: 'allow' | 'deny';
  /** Ids that must be among those that determined it. */
  readonly reason: readonly string[];
  readonly errors: number;
  readonly observed: ObservedExpected | null;
}

export interface TestResult {
  readonly file: string;
  readonly number: number;
  readonly name: string;
  /** What was found instead of what was expected; null where the test passed. */
  readonly problem: string | null;
}

export interface TestReport {
  readonly results: readonly TestResult[];
  /** Hand-written policies that no test exercised. */
  readonly unexercised: readonly { readonly id: string; readonly file: string; readonly line: number | null }[];
  /** Policies that the config became and no test exercised. */
  readonly unexercisedCompiled: readonly string[];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Cedar's own parser, for ids with escapes that JSON does not have. */
const parsedEntity = (text: string): EntityId | null => {
  const simple = text.includes('\\') ? null : entityIn(text);
  if (simple !== null) return simple;
  const parsed = policyToJson(`permit (principal == ${text}, action, resource);`);
  const principal = parsed.type === 'success' ? parsed.json.principal : null;
  return principal?.op === '==' && 'entity' in principal ? plainEntity(principal.entity) : null;
};

const entityAt = (request: Readonly<Record<string, unknown>>, member: string): EntityId => {
  const text = request[member];
  const found = typeof text === 'string' ? parsedEntity(text) : null;
  if (found === null) throw new TypeError(`request.${member} must be an entity such as Sealwright::Agent::"sdk"`);
  return found;
};

const idsAt = (value: unknown, member: string): readonly string[] => {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw new TypeError(`${member} must be a list of ids of policies`);
};

const decisionAt = (value: unknown, member: string): 'allow' | 'deny' => {
  if (value === 'allow' || value === 'deny') return value;
  throw new TypeError(`${member} must be "allow" or "deny"`);
};

const readCase = (value: unknown, file: string, number: number): TestCase => {
  if (!isObject(value)) throw new TypeError('must be an object');
  const { name, request, entities, decision, reason, num_errors: errors, observed } = value;
  if (!isObject(request) || !isObject(request['context'])) throw new TypeError('request must be an object with a context');
  if (!Array.isArray(entities)) throw new TypeError('entities must be a list');
  if (!Number.isInteger(errors)) throw new TypeError('num_errors must be a number');
  if (observed !== undefined && !isObject(observed)) throw new TypeError('observed must be an object with decision and reason');
  return {
    file,
    number,
    name: typeof name === 'string' ? name : '(unnamed)',
    question: {
      principal: entityAt(request, 'principal'),
      action: entityAt(request, 'action'),
      resource: entityAt(request, 'resource'),
      context: request['context'] as Question['context'],
      entities: entities as Question['entities'],
    },
    decision: decisionAt(decision, 'decision'),
    reason: idsAt(reason, 'reason'),
    errors: Number(errors),
    observed:
      observed === undefined
        ? null
        : { decision: decisionAt(observed['decision'], 'observed.decision'), reason: idsAt(observed['reason'] ?? [], 'observed.reason') },
  };
};

const readCases = ({
  name,
  path = name,
  text,
}: PolicyFile): { readonly cases: readonly TestCase[]; readonly problems: readonly PolicyProblem[] } => {
  const problem = (message: string): PolicyProblem => ({ file: path, line: null, message });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return { cases: [], problems: [problem(`is not JSON: ${error instanceof Error ? error.message : 'unreadable'}`)] };
  }
  if (!Array.isArray(parsed)) return { cases: [], problems: [problem('must be a list of tests')] };
  const cases: TestCase[] = [];
  const problems: PolicyProblem[] = [];
  for (const [index, value] of parsed.entries()) {
    try {
      cases.push(readCase(value, path, index + 1));
    } catch (error) {
      problems.push(problem(`test ${index + 1}: ${error instanceof Error ? error.message : 'unreadable'}`));
    }
  }
  return { cases, problems };
};

const expectation = (
  answer: AuthorizationAnswer,
  expected: { readonly decision: 'allow' | 'deny'; readonly reason: readonly string[]; readonly errors: number | null },
): string | null => {
  if (answer.type === 'failure') return `the question is not one of the schema: ${answer.errors[0]?.message ?? 'it could not be asked'}`;
  const { decision, diagnostics } = answer.response;
  const found = `${decision} by ${diagnostics.reason.toSorted().join(', ') || 'no policy'}`;
  if (decision !== expected.decision) return `expected ${expected.decision}, found ${found}`;
  const missing = expected.reason.filter((id) => !diagnostics.reason.includes(id));
  if (missing.length > 0) return `expected it to be by ${missing.join(', ')} too, found ${found}`;
  if (expected.errors === null || diagnostics.errors.length === expected.errors) return null;
  const erred = diagnostics.errors.map(({ policyId }) => policyId).join(', ');
  return `expected ${expected.errors} errors, found ${diagnostics.errors.length}${erred === '' ? '' : `: ${erred}`}`;
};

const reasonsOf = (answer: AuthorizationAnswer): readonly string[] => (answer.type === 'failure' ? [] : answer.response.diagnostics.reason);

const runCase = (
  test: TestCase,
  enforced: Authorizer,
  all: Authorizer,
): { readonly result: TestResult; readonly exercised: readonly string[] } => {
  const [answer, also] = [enforced(test.question), all(test.question)];
  const problem = expectation(answer, test) ?? (test.observed === null ? null : expectation(also, { ...test.observed, errors: null }));
  const { file, number, name } = test;
  return {
    result: { file, number, name, problem: problem !== null && problem !== undefined ? problem : null },
    exercised: [...reasonsOf(answer), ...reasonsOf(also)],
  };
};

/** Runs the tests of `files` against all of the rules at once, as `cedar run-tests` would. */
export const runPolicyTests = (
  { policies }: Rules,
  files: readonly PolicyFile[],
): TestReport | { readonly problems: readonly PolicyProblem[] } => {
  const read = files.map(readCases);
  const problems = read.flatMap((each) => each.problems);
  if (problems.length > 0) return { problems };
  const enforced = createAuthorizer(policies.filter(({ observes }) => !observes));
  const all = createAuthorizer(policies);
  const runs = read.flatMap(({ cases }) => cases).map((test) => runCase(test, enforced, all));
  const exercised = new Set(runs.flatMap((run) => run.exercised));
  const rest = policies.filter(({ id }) => !exercised.has(id));
  return {
    results: runs.map(({ result }) => result),
    unexercised: rest.flatMap((policy) => ('json' in policy ? [{ id: policy.id, file: policy.file, line: policy.line }] : [])),
    unexercisedCompiled: rest.flatMap((policy) => ('json' in policy ? [] : [policy.id])),
  };
};

/** A question and what the rules answer to it, as a test: it passes now, and fails when they answer otherwise. */
export const testOf = ({ policies }: Rules, name: string, question: Question): unknown => {
  const { principal, action, resource, context, entities } = question;
  const answered = (set: Rules['policies']) => {
    const answer = createAuthorizer(set)(question);
    if (answer.type === 'failure') return { decision: 'deny', reason: [], errors: 0 };
    const { decision, diagnostics } = answer.response;
    return { decision, reason: diagnostics.reason.toSorted(), errors: diagnostics.errors.length };
  };
  const enforced = answered(policies.filter(({ observes }) => !observes));
  const all = answered(policies);
  return {
    name,
    request: {
      principal: written(plainEntity(principal)),
      action: written(plainEntity(action)),
      resource: written(plainEntity(resource)),
      context,
    },
    entities,
    decision: enforced.decision,
    reason: enforced.reason,
    num_errors: enforced.errors,
    ...(all.decision === enforced.decision ? {} : { observed: { decision: all.decision, reason: all.reason } }),
  };
};

/** What `cedar run-tests` needs, by file name. Policies that only observe are left out: the stock tool would enforce them. */
export const exportForCedar = ({ policies }: Rules, files: readonly PolicyFile[]): ReadonlyMap<string, string> =>
  new Map([
    ['schema.cedarschema', cedarSchema],
    ['policies.cedar', policies.flatMap(({ observes, text }) => (observes ? [] : [`${text}\n`])).join('\n')],
    ...files.map(({ name, text }) => [name, text] as const),
  ]);
