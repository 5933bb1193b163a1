// What is asked, first as the record keeps it, and from that in Cedar's terms: so that deciding again asks the same question.
// Pure. What comes from the config (attributes of agents and endpoints, the environment) is not taken from the request but from the rules.

import { createHmac } from 'node:crypto';
import type { Json } from '../core/canonical-json.ts';
import type { Destination } from '../core/destination.ts';
import { domainsAbove, readHost } from '../core/destination.ts';
import { digestPrefix, type JudgedRequest } from '../core/decision.ts';
import type { Candidate } from '../core/endpoint.ts';
import type { OpaqueKind } from '../core/opaque.ts';
import type { ControlAction, Invocation, Invoker } from '../core/principal.ts';
import type { ToolArguments } from '../core/tool-arguments.ts';
import { argumentEntities, argumentsContext } from './call-arguments.ts';
import { entity, entityIn, type EntityId, uid } from './cedar-text.ts';
import type { AgentSettings } from './config.ts';
import type { Question } from './evaluate.ts';
import { appliesTo, argumentsFact, isCrossing, namespace, parentTypes, type PolicyAction, policyActions } from './schema.ts';

/** Who wants to cross or to delegate, and as what. */
export type Standing = Pick<Invocation, 'invoker' | 'role' | 'dataClassification' | 'containment'> & {
  readonly agent: Pick<Invocation['agent'], 'id'>;
};

/** What is the same for every question of one moment. */
export interface Moment {
  /** The one of the config. */
  readonly environment: string;
  /** Of the day, in UTC. */
  readonly hour: number;
}

const hourMs = 3_600_000;
export const hourOf = (wallMs: number): number => Math.floor(wallMs / hourMs) % 24;

/** Members of a context whose values may be personal. */
const personalMembers: readonly string[] = [argumentsFact];

/** The context with a keyed digest in the place of each value that may be personal. */
export const withoutPersonal = (
  context: JudgedRequest['context'],
  key: Uint8Array,
  personal: readonly string[] = personalMembers,
): JudgedRequest['context'] =>
  Object.fromEntries(
    Object.entries(context).map(([name, value]) => [
      name,
      // What nobody could read is nobody's: of null there is nothing to hide.
      value !== null && personal.includes(name)
        ? `${digestPrefix}${createHmac('sha256', key).update(JSON.stringify(value)).digest('hex')}`
        : value,
    ]),
  );

const groupsOf = ({ groups }: Invoker): readonly string[] => groups.map((group) => entity('Group', group));

const handled = ({ dataClassification, containment }: Standing): { readonly [key: string]: Json } => ({
  data_classification: dataClassification,
  containment,
  labels: [entity('DataLabel', dataClassification)],
});

const crossing = (
  action: PolicyAction,
  standing: Standing,
  { environment, hour }: Moment,
  about: { readonly resource: string; readonly parents: readonly string[]; readonly further?: { readonly [key: string]: Json } },
): JudgedRequest => ({
  principal: entity('Agent', standing.agent.id),
  action: entity('Action', action),
  resource: about.resource,
  parents: [entity('Role', standing.role), ...about.parents, ...groupsOf(standing.invoker)],
  issuer: standing.invoker.issuer,
  context: {
    invoker: entity('Invoker', standing.invoker.userId),
    assurance: standing.invoker.assurance,
    environment,
    hour,
    ...handled(standing),
    ...about.further,
  },
});

/** `notInspected`: kinds of what of the request nobody could inspect, sorted. */
export const modelRequest = (
  standing: Standing,
  moment: Moment,
  { endpoint, pin }: Candidate,
  notInspected: readonly OpaqueKind[] = [],
): JudgedRequest =>
  crossing('invokeModel', standing, moment, {
    resource: entity('Model', pin),
    parents: [entity('Endpoint', endpoint.id)],
    further: {
      endpoint: { topology: endpoint.topology, provider: endpoint.provider, region: endpoint.region },
      not_inspected: notInspected,
    },
  });

/** What a tool is in, by its canonical name: what comes before its first slash is the server. */
export const toolPlaces = (tool: string): readonly string[] => {
  const slash = tool.indexOf('/');
  return slash > 0 ? [entity('ToolServer', tool.slice(0, slash))] : [];
};

/** `tool` is a canonical name; `given` its arguments where policies look at them, null where nobody could read them. */
export const toolRequest = (standing: Standing, moment: Moment, tool: string, given?: ToolArguments | null): JudgedRequest =>
  crossing('callTool', standing, moment, {
    resource: entity('Tool', tool),
    parents: toolPlaces(tool),
    ...(given === undefined ? {} : { further: { [argumentsFact]: given } }),
  });

export const hostRequest = (standing: Standing, moment: Moment, { name, port }: Destination): JudgedRequest =>
  crossing('connect', standing, moment, { resource: entity('Host', name), parents: [], further: { port } });

export const delegationRequest = (standing: Standing, { environment, hour }: Moment): JudgedRequest => ({
  principal: entity('Invoker', standing.invoker.userId),
  action: entity('Action', 'delegate'),
  resource: entity('Agent', standing.agent.id),
  parents: [entity('Role', standing.role), ...groupsOf(standing.invoker)],
  issuer: standing.invoker.issuer,
  context: {
    role: entity('Role', standing.role),
    assurance: standing.invoker.assurance,
    environment,
    hour,
    ...handled(standing),
  },
});

/** There is one envelope to steer. */
const envelopeId = 'this';

export const controlRequest = (invoker: Invoker, { environment, hour }: Moment, action: ControlAction): JudgedRequest => ({
  principal: entity('Invoker', invoker.userId),
  action: entity('Action', action),
  resource: entity('Envelope', envelopeId),
  parents: groupsOf(invoker),
  issuer: invoker.issuer,
  context: { assurance: invoker.assurance, environment, hour },
});

/** A judged request taken apart. */
export interface Asked {
  readonly action: PolicyAction;
  readonly principal: EntityId;
  readonly resource: EntityId;
  readonly agent: string | null;
  readonly role: string | null;
  readonly invoker: EntityId;
  readonly groups: readonly EntityId[];
  /** What the resource is in. */
  readonly places: readonly EntityId[];
  /** Of a connection. */
  readonly port: number | null;
}

const isType = ({ type }: EntityId, name: string): boolean => type === `${namespace}::${name}`;

/** Null for a request that no version of this program has written: each part has the type that the action asks for, and stands there once. */
export const takenApart = (request: JudgedRequest): Asked | null => {
  const asked = entityIn(request.action);
  const action = policyActions.find((name) => asked !== null && isType(asked, 'Action') && asked.id === name);
  if (action === undefined) return null;
  const types = appliesTo(action);
  const entityOf = (text: unknown, type: string): EntityId | null => {
    const found = entityIn(text);
    return found !== null && isType(found, type) ? found : null;
  };
  const [principal, resource] = [entityOf(request.principal, types.principal), entityOf(request.resource, types.resource)];
  const crosses = isCrossing(action);
  const invoker = crosses ? entityOf(request.context['invoker'], 'Invoker') : principal;
  const parents = request.parents.map(entityIn).filter((parent) => parent !== null);
  const of = (type: string): readonly EntityId[] => parents.filter((parent) => isType(parent, type));
  const [roles, groups] = [of('Role'), of('Group')];
  const places = (parentTypes[types.resource] ?? []).filter((type) => type !== 'Role').flatMap(of);
  const isWhole = parents.length === request.parents.length && roles.length + groups.length + places.length === parents.length;
  const agent = crosses ? principal : action === 'delegate' ? resource : null;
  if (!principal || !resource || !invoker || !isWhole || roles.length !== (agent === null ? 0 : 1) || places.length > 1) return null;
  const { port } = request.context;
  const at = typeof port === 'number' ? port : null;
  return { action, principal, resource, agent: agent?.id ?? null, role: roles[0]?.id ?? null, invoker, groups, places, port: at };
};

interface Place {
  readonly topology: string;
  readonly provider: string;
  readonly region: string;
}

/** The part of the rules that a question takes from the config. */
export interface QuestionSettings {
  readonly environment: string;
  readonly agents: Readonly<Record<string, AgentSettings>>;
  readonly endpoints: Readonly<Record<string, Place>>;
}

const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

const placeOf = ({ endpoints }: QuestionSettings, id: string, request: JudgedRequest): Place => {
  const { topology, provider, region } = own(endpoints, id) ?? (request.context['endpoint'] as unknown as Place);
  return { topology, provider, region };
};

type Entities = Question['entities'];

const agentEntity = (id: string, role: string | null, { agents }: QuestionSettings): Entities[number] => {
  const { client = '', owner, version } = own(agents, id) ?? {};
  return {
    uid: uid('Agent', id),
    attrs: { client, ...(owner === undefined ? {} : { owner }), ...(version === undefined ? {} : { version }) },
    parents: role === null ? [] : [uid('Role', role)],
  };
};

/** Values of a context that name an entity. */
const contextEntities = new Set(['invoker', 'role']);

const contextOf = (request: JudgedRequest, settings: QuestionSettings, endpoint: string | undefined): Question['context'] => {
  const named = (value: Json): Json => ({ __entity: { ...entityIn(value) } });
  const { [argumentsFact]: _, ...context } = request.context;
  const members = Object.entries(context).map(([name, value]) => {
    if (contextEntities.has(name)) return [name, named(value)];
    return [name, name === 'labels' && Array.isArray(value) ? value.map(named) : value];
  });
  return {
    ...(Object.fromEntries(members) as Question['context']),
    environment: settings.environment,
    ...argumentsContext(request.context),
    ...(endpoint === undefined ? {} : { endpoint: { ...placeOf(settings, endpoint, request) } }),
  };
};

/** What a resource is in: what the request says, and for a host what its name says. */
const placesOf = ({ action, resource, places }: Asked): readonly EntityId[] => {
  if (action !== 'connect') return places;
  const host = readHost(resource.id);
  return 'malformed' in host ? [] : domainsAbove(host).map((domain) => uid('Host', domain));
};

/** The question to Cedar. */
export const questionOf = (request: JudgedRequest, asked: Asked, settings: QuestionSettings): Question => {
  const { action, principal, resource, agent, role, invoker, groups, places } = asked;
  const endpoint = places.find((place) => isType(place, 'Endpoint'))?.id;
  return {
    principal,
    action: uid('Action', action),
    resource,
    context: contextOf(request, settings, endpoint),
    entities: [
      ...(agent === null ? [] : [agentEntity(agent, role, settings)]),
      ...(agent === resource.id && action === 'delegate' ? [] : [{ uid: resource, attrs: {}, parents: [...placesOf(asked)] }]),
      {
        uid: invoker,
        attrs: { issuer: request.issuer ?? '', assurance: request.context['assurance'] as string },
        parents: [...groups],
      },
      ...(endpoint === undefined
        ? []
        : [{ uid: uid('Endpoint', endpoint), attrs: { ...placeOf(settings, endpoint, request) }, parents: [] }]),
      ...argumentEntities(request.context),
    ],
  };
};
