// What is asked about a crossing, in Cedar's terms and as the record keeps it.
// Pure. Every value is a name from the config, a label, or a pseudonym; nothing in a question can be personal.

import type { JudgedRequest } from '../core/decision.ts';
import type { Candidate } from '../core/endpoint.ts';
import type { Invocation } from '../core/principal.ts';
import type { Question } from './evaluate.ts';
import { namespace, type PolicyAction } from './schema.ts';

interface EntityId {
  readonly type: string;
  readonly id: string;
}

const uid = (type: string, id: string): EntityId => ({ type: `${namespace}::${type}`, id });
const written = ({ type, id }: EntityId): string => `${type}::${JSON.stringify(id)}`;

export interface Matter {
  readonly action: PolicyAction;
  readonly resource: EntityId;
  readonly resourceParent: EntityId | null;
  readonly place: { readonly topology: string; readonly provider: string; readonly region: string } | null;
  /** For the reason: `call the model X`. */
  readonly deed: string;
}

export const modelMatter = ({ endpoint, pin }: Candidate): Matter => ({
  action: 'invokeModel',
  resource: uid('Model', pin),
  resourceParent: uid('Endpoint', endpoint.id),
  place: { topology: endpoint.topology, provider: endpoint.provider, region: endpoint.region },
  deed: `call the model ${pin} at ${endpoint.id}`,
});

export const toolMatter = (tool: string): Matter => ({
  action: 'callTool',
  resource: uid('Tool', tool),
  resourceParent: null,
  place: null,
  deed: `use the tool ${tool}`,
});

/** The question to Cedar. `environment` is the one of the config. */
export const questionOf = (
  environment: string,
  { agent, role, invoker, dataClassification, containment }: Invocation,
  matter: Matter,
): Question => {
  const principal = uid('Agent', agent.id);
  return {
    principal,
    action: uid('Action', matter.action),
    resource: matter.resource,
    context: {
      invoker: { __entity: uid('Invoker', invoker.userId) },
      assurance: invoker.assurance,
      environment,
      data_classification: dataClassification,
      containment,
      ...(matter.place === null ? {} : { endpoint: { ...matter.place } }),
    },
    entities: [
      { uid: principal, attrs: { client: agent.client }, parents: [uid('Role', role)] },
      { uid: matter.resource, attrs: {}, parents: matter.resourceParent === null ? [] : [matter.resourceParent] },
    ],
  };
};

/** The same as the record keeps it, entities written out. The invoker is the pseudonym that the record holds anyway. */
export const judged = (
  { action, resource, resourceParent, place }: Matter,
  { context }: Question,
  { agent, role, invoker }: Invocation,
): JudgedRequest => ({
  principal: written(uid('Agent', agent.id)),
  action: written(uid('Action', action)),
  resource: written(resource),
  parents: [uid('Role', role), ...(resourceParent === null ? [] : [resourceParent])].map(written),
  context: {
    ...(context as JudgedRequest['context']),
    invoker: written(uid('Invoker', invoker.userId)),
    ...(place === null ? {} : { endpoint: { ...place } }),
  },
});
