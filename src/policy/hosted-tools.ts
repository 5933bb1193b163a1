// Tools that the provider would run are judged with the request that offers them: one decision for all of it, here and in replay.
// Pure. What the model's decision refuses, no tool changes; the first tool that is not permitted refuses the request.

import type { Decision, JudgedRequest } from '../core/decision.ts';
import { goesOn } from '../core/decision.ts';
import { entity } from './cedar-text.ts';
import { toolPlaces } from './question.ts';
import { argumentsFact, namespace } from './schema.ts';

/** The decision about a request to a model together with those about the tools that it offers to the provider, by their names. */
export const withHostedTools = (model: Decision, tools: ReadonlyMap<string, Decision>): Decision => {
  if (tools.size === 0 || (model.verdict !== 'permit' && !goesOn(model))) return model;
  const each = [...tools.values()];
  const worst = each.find(({ verdict }) => verdict !== 'permit');
  if (worst !== undefined) return worst;
  // The question that is recorded is the model's; what was observed of a tool beside it stands in the reason.
  const watched = each.find(({ observed }) => observed !== null);
  return {
    ...model,
    policies: [...new Set([model, ...each].flatMap(({ policies }) => policies))],
    reason: watched === undefined ? model.reason : `${model.reason} ${watched.reason}`,
    hostedTools: [...tools.keys()],
  };
};

/** The question about a tool that the request of `model` offers to the provider. */
export const hostedToolRequest = (model: JudgedRequest, tool: string): JudgedRequest => {
  const { endpoint: _, not_inspected: _kinds, ...context } = model.context;
  return {
    ...model,
    action: entity('Action', 'callTool'),
    resource: entity('Tool', tool),
    parents: [
      ...model.parents.filter((parent) => parent.startsWith(`${namespace}::Role::`)),
      ...toolPlaces(tool),
      ...model.parents.filter((parent) => parent.startsWith(`${namespace}::Group::`)),
    ],
    // Nobody sees what the provider calls its tools with.
    context: { ...context, [argumentsFact]: null },
  };
};
