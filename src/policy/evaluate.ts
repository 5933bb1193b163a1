// Cedar, asked one question at a time, over policy sets that were parsed once and sliced by action and role.
// Fails closed: Cedar leaves out a policy that errors, so any error at all is reported, and the caller denies.

import { hash } from 'node:crypto';
import {
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
  type AuthorizationAnswer,
  type EntityUid,
  type StatefulAuthorizationCall,
} from '@cedar-policy/cedar-wasm/nodejs';
import { uid } from './cedar-text.ts';
import { plainEntity } from './policy-set.ts';
import { cedarSchema, groupsOfAction } from './schema.ts';

export interface Question {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: StatefulAuthorizationCall['context'];
  readonly entities: StatefulAuthorizationCall['entities'];
}

export interface NamedPolicy {
  readonly id: string;
  readonly text: string;
  readonly approval: string | undefined;
}

export type Finding =
  /** `ids` permitted. */
  | { readonly found: 'permit'; readonly ids: readonly string[] }
  /** `ids` forbade; none when nothing permitted. */
  | { readonly found: 'deny'; readonly ids: readonly string[] }
  /** Only a person's approval is missing; `ids` want it, then those that would permit. */
  | { readonly found: 'approval'; readonly ids: readonly string[]; readonly subjects: readonly string[] }
  /** The policies of `ids` could not be evaluated. */
  | { readonly found: 'error'; readonly ids: readonly string[] };

/** A question about one slice of the policies. */
export type Slice = (question: Question) => Finding;

// Cedar keeps what was parsed under names that live as long as the process; what is named by its content need not be parsed again.
const nameOf = (content: string): string => hash('sha256', content);

const parsedSets = new Set<string>();

const preparse = (policies: readonly Pick<NamedPolicy, 'id' | 'text'>[]): string => {
  const staticPolicies = Object.fromEntries(policies.map(({ id, text }) => [id, text]));
  const name = nameOf(JSON.stringify(staticPolicies));
  if (parsedSets.has(name)) return name;
  if (preparsePolicySet(name, { staticPolicies }).type === 'failure') throw new Error('policies that validated do not parse');
  parsedSets.add(name);
  return name;
};

const schemaName = nameOf(cedarSchema);
let schemaIsParsed = false;

const preparseSchemaOnce = (): void => {
  if (schemaIsParsed) return;
  if (preparseSchema(schemaName, cedarSchema).type === 'failure') throw new Error('the Cedar schema does not parse');
  schemaIsParsed = true;
};

const call = (given: StatefulAuthorizationCall): AuthorizationAnswer => {
  try {
    return statefulIsAuthorized(given);
  } catch {
    // WebAssembly that traps must deny like any other error of evaluation.
    return { type: 'failure', errors: [], warnings: [] };
  }
};

type PlainFinding = Exclude<Finding, { readonly found: 'approval' }>;

const plainly = (answer: AuthorizationAnswer): PlainFinding => {
  if (answer.type === 'failure') return { found: 'error', ids: [] };
  const { decision, diagnostics } = answer.response;
  if (diagnostics.errors.length > 0) return { found: 'error', ids: diagnostics.errors.map(({ policyId }) => policyId).toSorted() };
  return { found: decision === 'allow' ? 'permit' : 'deny', ids: diagnostics.reason.toSorted() };
};

/** The action with the groups that it is in; Cedar would take them from a schema. */
const actionEntity = (id: string): Question['entities'][number] => ({
  uid: uid('Action', id),
  attrs: {},
  parents: groupsOfAction(id).map((group) => uid('Action', group)),
});

/**
 * Asks without a schema: policies were validated against it, questions are made in one place, and checking each anew would double the time.
 * A fact that is missing or of another type is an error of the policy that looks at it, and so denies.
 */
const ask = (set: string, { principal, action, resource, context, entities }: Question): AuthorizationAnswer =>
  call({
    principal,
    action,
    resource,
    context,
    entities: [...entities, actionEntity(plainEntity(action).id)],
    preparsedPolicySetId: set,
  });

/** A question about a whole set, checked against the schema and answered in Cedar's own terms. */
export type Authorizer = (question: Question) => AuthorizationAnswer;

export const createAuthorizer = (policies: readonly Pick<NamedPolicy, 'id' | 'text'>[]): Authorizer => {
  preparseSchemaOnce();
  const set = preparse(policies);
  return ({ principal, action, resource, context, entities }) =>
    call({
      principal,
      action,
      resource,
      context,
      entities,
      preparsedPolicySetId: set,
      preparsedSchemaName: schemaName,
      validateRequest: true,
    });
};

/** The finding of several sets as that of one: an error of any is one, a forbid of any forbids, and else a permit of any permits. */
const joined = (findings: readonly PlainFinding[]): PlainFinding => {
  const [first] = findings;
  if (findings.length === 1 && first !== undefined) return first;
  const of = (found: Finding['found']): readonly PlainFinding[] => findings.filter((finding) => finding.found === found);
  const decisive = [of('error'), of('deny').filter(({ ids }) => ids.length > 0), of('permit')].find((some) => some.length > 0) ?? [];
  return { found: decisive[0]?.found ?? 'deny', ids: decisive.flatMap(({ ids }) => ids).toSorted() };
};

const nothingSaid: Question['context'] = {};

/** Half of what a question costs is reading its context, and what is compiled from roles never looks at it. */
const lookAtContext = (policies: readonly NamedPolicy[]): boolean => policies.some(({ text }) => text.includes('context'));

interface Preparsed {
  readonly name: string;
  readonly looksAtContext: boolean;
}

const preparsed = (policies: readonly NamedPolicy[]): Preparsed => ({ name: preparse(policies), looksAtContext: lookAtContext(policies) });

/**
 * Parses a slice, which may come in parts: what several slices have in common is parsed once. A forbid with `@approval` is one that a person can lift: where only such forbids stand in the way, the question is asked
 * again without them, and what is then permitted is found to need approval.
 */
export const createSlice = (...parts: readonly (readonly NamedPolicy[])[]): Slice => {
  const filled = parts.filter((policies) => policies.length > 0);
  // Asking a set without policies takes as long as any other; where there is none at all, nothing permits.
  const sets = filled.length > 0 ? filled : [[]];
  const subjectOf = new Map(sets.flat().flatMap(({ id, approval }) => (approval === undefined ? [] : [[id, approval] as const])));
  const all = sets.map(preparsed);
  const withoutApprovals =
    subjectOf.size === 0 ? all : sets.map((policies) => preparsed(policies.filter(({ approval }) => approval === undefined)));
  const askAll = (asked: readonly Preparsed[], question: Question): PlainFinding =>
    joined(asked.map(({ name, looksAtContext }) => plainly(ask(name, looksAtContext ? question : { ...question, context: nothingSaid }))));
  return (question) => {
    const finding = askAll(all, question);
    const liftable = finding.found === 'deny' && finding.ids.length > 0 && finding.ids.every((id) => subjectOf.has(id));
    if (!liftable) return finding;
    const lifted = askAll(withoutApprovals, question);
    if (lifted.found !== 'permit') return lifted;
    return { found: 'approval', ids: [...finding.ids, ...lifted.ids], subjects: finding.ids.map((id) => subjectOf.get(id) ?? id) };
  };
};
