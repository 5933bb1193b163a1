// The Cedar schema: what a policy can speak of. Policies, compiled or written by hand, are validated against it strictly.
// Budgets, rates, stops and approvals are not in it: they are not facts about one question. Time is in it only as the hour.

import { opaqueKinds } from '../core/opaque.ts';
import { type ControlAction, controlActions, type ControlRole, controlRoles } from '../core/principal.ts';

export const namespace = 'Sealwright';

export const crossingActions = ['invokeModel', 'callTool', 'connect'] as const;
export type CrossingAction = (typeof crossingActions)[number];
export type PolicyAction = CrossingAction | 'delegate' | ControlAction;

export const controlActionNames = Object.keys(controlActions) as readonly ControlAction[];
export const policyActions: readonly PolicyAction[] = [...crossingActions, 'delegate', ...controlActionNames];

/** The action group of all crossings. */
export const crossingGroup = 'crossing';

const crossingResources: Readonly<Record<CrossingAction, string>> = { invokeModel: 'Model', callTool: 'Tool', connect: 'Host' };

export const isCrossing = (action: PolicyAction): action is CrossingAction => Object.hasOwn(crossingResources, action);

/** Types of principal and resource, by action. */
export const appliesTo = (action: PolicyAction): { readonly principal: string; readonly resource: string } => {
  if (isCrossing(action)) return { principal: 'Agent', resource: crossingResources[action] };
  return { principal: 'Invoker', resource: action === 'delegate' ? 'Agent' : 'Envelope' };
};

/** What an entity of a type can be in, beside itself. */
export const parentTypes: Readonly<Record<string, readonly string[]>> = {
  Agent: ['Role'],
  Invoker: ['Group'],
  Model: ['Endpoint'],
  Tool: ['ToolServer'],
};

/** Facts of a question beside who and what, with their types. */
const factTypes = {
  invoker: 'Invoker',
  role: 'Role',
  assurance: 'String',
  environment: 'String',
  hour: 'Long',
  data_classification: 'String',
  containment: 'String',
  labels: 'Set<DataLabel>',
  endpoint: '{ topology: String, provider: String, region: String }',
  not_inspected: 'Set<String>',
  port: 'Long',
  arguments: '{ names: Set<String>, texts: ArgumentTexts, numbers: ArgumentNumbers, flags: ArgumentFlags }',
} as const;
type Fact = keyof typeof factTypes;
export type FactType = (typeof factTypes)[Fact];

const anyTime = ['assurance', 'environment', 'hour'] as const;
const handled = [...anyTime, 'data_classification', 'containment', 'labels'] as const;
const furtherFacts: Readonly<Record<CrossingAction, readonly Fact[]>> = {
  invokeModel: ['endpoint', 'not_inspected'],
  callTool: [],
  connect: ['port'],
};

const factNames = (action: PolicyAction): readonly Fact[] => {
  if (isCrossing(action)) return ['invoker', ...handled, ...furtherFacts[action]];
  return action === 'delegate' ? ['role', ...handled] : anyTime;
};

/** The facts that every question about `action` has, each with its type. */
export const factsOf = (action: PolicyAction): ReadonlyMap<string, FactType> =>
  new Map(factNames(action).map((name) => [name, factTypes[name]]));

/** What a call says to its tool: there where policies look at it and it could be read. */
export const argumentsFact = 'arguments' satisfies Fact;

/** Types of the entities that hold arguments. */
export const argumentTypes: readonly string[] = ['ArgumentTexts', 'ArgumentNumbers', 'ArgumentFlags'];

/** Those that a question about `action` may have besides. */
export const furtherFactsOf = (action: PolicyAction): ReadonlyMap<string, FactType> =>
  new Map(action === 'callTool' ? [[argumentsFact, factTypes[argumentsFact]]] : []);

const declared = (action: PolicyAction, groups: readonly string[]): string => {
  const { principal, resource } = appliesTo(action);
  return `  action ${action}${groups.length === 0 ? '' : ` in [${groups.join(', ')}]`} appliesTo {
    principal: [${principal}],
    resource: [${resource}],
    context: {
${[
  ...[...factsOf(action)].map(([name, type]) => `      ${name}: ${type}`),
  ...[...furtherFactsOf(action)].map(([name, type]) => `      ${name}?: ${type}`),
].join(',\n')}
    }
  };`;
};

const groupsOf = (action: ControlAction): readonly ControlRole[] => controlActions[action];

/** Names of the groups that an action is in. */
export const groupsOfAction = (name: string): readonly string[] => {
  if (Object.hasOwn(crossingResources, name)) return [crossingGroup];
  const control = controlActionNames.find((action) => action === name);
  return control === undefined ? [] : groupsOf(control);
};

/** Cedar's own schema language. */
export const cedarSchema = `namespace ${namespace} {
  // What an agent may do. An agent is in the one role that its invocation took.
  entity Role;

  // A group under \`identity.groups\`.
  entity Group;

  // What kind of data it is about: the class of the role.
  entity DataLabel;

  // The program that crosses the boundary; client, owner and version are those of the config.
  entity Agent in [Role] { client: String, owner?: String, version?: String };

  // The person or program that started the agent, or that uses the control plane. The id is a pseudonym.
  // The issuer is the name under \`identity.issuers\` or \`identity.clients\`; empty where nobody proved anything.
  entity Invoker in [Group] { issuer: String, assurance: String };

  // A place where models run.
  entity Endpoint { topology: String, provider: String, region: String };

  // A model, by its pin, at the endpoint that is being considered. What of a request nobody could inspect stands in \`context.not_inspected\`,
  // by kinds: \`context.not_inspected.contains("image")\`. There is no other kind than these:
${Object.entries(opaqueKinds)
  .map(([kind, meaning]) => `  //   ${kind}: ${meaning}`)
  .join('\n')}
  entity Model in [Endpoint];

  // What comes before the first slash of a tool's name, where it has one.
  entity ToolServer;

  // A tool, by its canonical name.
  entity Tool in [ToolServer];

  // The arguments of one call by name, each under the type that it has: \`context.arguments.numbers.getTag("amount") <= 500\`. Only whole numbers
  // are numbers; lists, mappings, other numbers and null are under none. \`context.arguments.names\` has every name, in lower case.
  entity ArgumentTexts tags String;
  entity ArgumentNumbers tags Long;
  entity ArgumentFlags tags Bool;

  // A host name; it is in each domain above it.
  entity Host in [Host];

  // What the control plane steers.
  entity Envelope;

  // All that an agent does: \`action in ${namespace}::Action::"${crossingGroup}"\`.
  action ${crossingGroup};

${crossingActions.map((action) => declared(action, [crossingGroup])).join('\n\n')}

  // May this invoker let this agent take this role? Asked when an invocation is opened.
${declared('delegate', [])}

  // The control plane. Its roles are groups of actions; \`hour\` is that of the day in UTC, here as everywhere.
${controlRoles.map((role) => `  action ${role};`).join('\n')}

${controlActionNames.map((action) => declared(action, groupsOf(action))).join('\n\n')}
}
`;
