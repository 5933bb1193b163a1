// A set of rules that recorded questions are put to again: that of a release, or of a config and a folder that are not in force.
// Decides by the same function as the envelope does. What cannot be asked again is data that says why; nothing recorded makes it throw.

import { policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { type Decision, digestedMembers, type JudgedRequest } from '../core/decision.ts';
import { limits } from '../core/limits.ts';
import { isOpaqueKind } from '../core/opaque.ts';
import type { RuleBook, Unanswerable } from '../core/rules.ts';
import { entityIn } from './cedar-text.ts';
import type { CompiledPolicy } from './compile-roles.ts';
import { completeRoles } from './config.ts';
import { explainWith } from './explain.ts';
import { hostedToolRequest, withHostedTools } from './hosted-tools.ts';
import { createJudge, type Judge } from './judge.ts';
import { isTooDeep } from './policy-files.ts';
import { scopeOf } from './policy-set.ts';
import { type Asked, takenApart } from './question.ts';
import { cedarTextOf, compileConfig, compileRules, type PolicySettings, type Rules } from './rules.ts';
import { argumentsFact, factsOf, type FactType, furtherFactsOf, namespace } from './schema.ts';
import { statementsOf } from './statements.ts';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((each) => typeof each === 'string');

const older = { unanswerable: 'it was recorded by a version whose questions held less than is asked now' };
const unreadable = { unanswerable: 'its question cannot be read' };

/** Whether something can be written out without end of the stack; no reader of calls gives values that nest at all. */
const isShallow = (value: unknown, levels: number = limits.questionDepth): boolean =>
  typeof value !== 'object' || value === null || (levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1)));

const readRequest = (value: unknown): JudgedRequest | Unanswerable => {
  if (value === null || value === undefined) return { unanswerable: 'no question to the policies was recorded' };
  const { principal, action, resource, parents, issuer, context } = isObject(value) ? value : {};
  const isRead = typeof principal === 'string' && typeof action === 'string' && typeof resource === 'string' && isTexts(parents);
  if (!isRead || !isObject(context)) return unreadable;
  if (!(issuer === null || typeof issuer === 'string')) return older;
  return { principal, action, resource, parents, issuer, context: context as JudgedRequest['context'] };
};

const isEntity = (value: unknown, type: string): boolean => entityIn(value)?.type === `${namespace}::${type}`;

const isOfType: Readonly<Record<FactType, (value: unknown) => boolean>> = {
  String: (value) => typeof value === 'string',
  Long: Number.isSafeInteger,
  Invoker: (value) => isEntity(value, 'Invoker'),
  Role: (value) => isEntity(value, 'Role'),
  'Set<DataLabel>': (value) => Array.isArray(value) && value.every((each) => isEntity(each, 'DataLabel')),
  'Set<String>': (value) => isTexts(value) && value.every(isOpaqueKind),
  '{ topology: String, provider: String, region: String }': (value) =>
    isObject(value) && isTexts([value['topology'], value['provider'], value['region']]) && Object.keys(value).length === 3,
  '{ names: Set<String>, texts: ArgumentTexts, numbers: ArgumentNumbers, flags: ArgumentFlags }': (value) =>
    value === null || (isObject(value) && isShallow(value)),
};

const hourMax = 23;

/** Whether the facts are those of the schema for this action, each of its type. */
const factsProblem = ({ action }: Asked, context: Readonly<Record<string, unknown>>): Unanswerable | null => {
  const [always, further] = [factsOf(action), furtherFactsOf(action)];
  if ([...always.keys()].some((name) => !Object.hasOwn(context, name))) return older;
  const facts = new Map([...always, ...[...further].filter(([name]) => Object.hasOwn(context, name))]);
  const strange = Object.keys(context).filter((name) => !facts.has(name));
  if (strange.length > 0) return { unanswerable: 'it holds facts that this version does not know' };
  const hour = Number(context['hour']);
  const areTyped = [...facts].every(([name, type]) => isOfType[type](context[name]));
  return areTyped && hour >= 0 && hour <= hourMax ? null : unreadable;
};

/** Why the rules cannot be asked about this place; null when they can. */
const placeProblem = ({ action, places, resource }: Asked, { endpoints }: PolicySettings): string | null => {
  const [place] = places;
  if (action !== 'invokeModel') return null;
  if (place === undefined || !Object.hasOwn(endpoints, place.id)) return `the config has no endpoint ${place?.id ?? '(none)'}`;
  const lists = endpoints[place.id]?.models.some(({ pin }) => pin === resource.id) === true;
  return lists ? null : `the endpoint ${place.id} does not list the model ${resource.id}`;
};

/** The request, where these rules can be asked about it. */
export const askable = (value: unknown, settings: PolicySettings): JudgedRequest | Unanswerable => {
  const request = readRequest(value);
  if ('unanswerable' in request) return request;
  const digests = digestedMembers(request);
  if (digests.length > 0)
    return { unanswerable: `it holds digests in the place of what may be personal: ${digests.toSorted().join(', ')}` };
  const asked = takenApart(request);
  if (asked === null) return unreadable;
  const strange = factsProblem(asked, request.context);
  if (strange !== null) return strange;
  const problem = placeProblem(asked, settings);
  return problem === null ? request : { unanswerable: problem };
};

/** Rules that look at what a call said cannot be asked about one of which nobody kept what it said. */
const saysTooLittle = (request: JudgedRequest, judge: Judge): boolean => {
  const asked = takenApart(request);
  if (asked?.action !== 'callTool' || Object.hasOwn(request.context, argumentsFact)) return false;
  return judge.looksAtArguments(asked.role ?? '', asked.resource.id);
};

const argumentsNotKept = { unanswerable: 'the rules look at the arguments of this tool, which its question does not hold' };

export const createRuleBook = (settings: PolicySettings, rules: Rules): RuleBook => {
  const judge = createJudge(settings, rules.policies);
  const answerable = (value: unknown): JudgedRequest | Unanswerable => {
    const request = askable(value, settings);
    return 'unanswerable' in request || !saysTooLittle(request, judge) ? request : argumentsNotKept;
  };
  const known = new Map<string, Decision>();
  const decide = (request: JudgedRequest, hostedTools: readonly string[]): Decision => {
    const tools = hostedTools.map((tool) => [tool, judge.decide(hostedToolRequest(request, tool))] as const);
    return withHostedTools(judge.decide(request), new Map(tools));
  };
  return {
    replay: (value, hostedTools = []) => {
      // First of all: of what can be asked it is known that it does not nest, and only that can be written out whatever it is.
      const request = answerable(value);
      if ('unanswerable' in request) return request;
      const key = `${JSON.stringify(request)}${hostedTools.length === 0 ? '' : JSON.stringify(hostedTools)}`;
      const before = known.get(key);
      if (before !== undefined) return before;
      const decided = decide(request, hostedTools);
      // Nothing asks at such length; keeping it would let a ledger that somebody made fill the memory.
      if (key.length > limits.questionReplayedCharacters) return decided;
      if (known.size >= limits.decisionsReplayedCount) known.clear();
      known.set(key, decided);
      return decided;
    },
    explain: (value) => {
      const request = answerable(value);
      return 'unanswerable' in request ? request : explainWith(settings, rules, judge, request);
    },
  };
};

/** The config's policies as another version compiled them; they are what decided then. */
const compiledThen = (text: string, now: readonly CompiledPolicy[]): readonly CompiledPolicy[] | null => {
  if (statementsOf(text).some(isTooDeep)) return null;
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure') return null;
  const policies = parts.policies.flatMap((part): readonly CompiledPolicy[] => {
    const parsed = policyToJson(part);
    if (parsed.type === 'failure') return [];
    const { effect, annotations } = parsed.json;
    const id = annotations?.['id'] ?? '';
    const { source } = now.find((policy) => policy.id === id) ?? { source: { from: 'config' } as const };
    return [{ ...scopeOf(parsed.json), id, text: part, effect, approval: annotations?.['approval'], observes: false, source }];
  });
  return policies.length === parts.policies.length ? policies : null;
};

interface ReleaseContent {
  readonly config: {
    readonly environment: string;
    readonly agents: PolicySettings['agents'];
    readonly agent_roles: Parameters<typeof completeRoles>[0];
    readonly agent_role_defaults?: Parameters<typeof completeRoles>[1];
    readonly identity: Partial<PolicySettings['identity']>;
    readonly endpoints: PolicySettings['endpoints'];
    readonly policies?: string | { readonly mode?: 'enforce' | 'observe' };
  };
  readonly policies: readonly { readonly name: string; readonly text: string }[];
  readonly compiled_roles: string;
}

/** The part of a release's config that decides, with what the loading of a config fills in. */
export const settingsOfRelease = ({ config }: ReleaseContent): PolicySettings => ({
  environment: config.environment,
  agents: config.agents,
  agent_roles: completeRoles(config.agent_roles, config.agent_role_defaults),
  identity: { groups: {}, ...config.identity },
  endpoints: config.endpoints,
  policies: { mode: typeof config.policies === 'object' ? (config.policies.mode ?? 'enforce') : 'enforce' },
});

const contentOf = (bytes: Uint8Array): ReleaseContent => JSON.parse(Buffer.from(bytes).toString('utf8')) as ReleaseContent;

/** The settings of a release that was kept, for rules whose policies come from elsewhere. */
export const keptSettings = (bytes: Uint8Array): PolicySettings | { readonly problem: string } => {
  try {
    return settingsOfRelease(contentOf(bytes));
  } catch {
    return { problem: 'the release is not one that this version can read' };
  }
};

/** The rules of a release, from its kept content, whose digest the caller has checked. */
export const ruleBookOfRelease = (bytes: Uint8Array): RuleBook | { readonly problem: string } => {
  const problem = 'the release is not one that this version can read';
  try {
    const content = contentOf(bytes);
    const settings = settingsOfRelease(content);
    const rules = compileRules(settings, content.policies);
    if ('problems' in rules)
      return { problem: `the policies of the release do not validate on this version: ${rules.problems[0]?.message}` };
    const now = compileConfig(settings);
    if (cedarTextOf(now) === content.compiled_roles) return createRuleBook(settings, rules);
    const then = compiledThen(content.compiled_roles, now);
    if (then === null) return { problem };
    const written = rules.policies.filter((policy) => 'json' in policy);
    return createRuleBook(settings, { policies: [...then, ...written], compiledCedar: content.compiled_roles });
  } catch {
    return { problem };
  }
};
