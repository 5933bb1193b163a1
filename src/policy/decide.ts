// The decide stage: asks policy about a model request or a tool call, and says which denial follows when it is not permitted.
// A tool that the provider would run by itself is judged with the request that offers it, because it cannot be held later.

import type { Decision } from '../core/decision.ts';
import { goesOn } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import type { Candidate } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import type { Invocation } from '../core/principal.ts';
import type { Inspected, Judgement } from '../core/stages.ts';
import { withHostedTools } from './hosted-tools.ts';

/** What policy answers. */
export interface Decisions {
  /** The first candidate that is permitted, in their order. */
  readonly decideModel: (question: { readonly invocation: Invocation; readonly candidates: readonly Candidate[] }) => {
    readonly decision: Decision;
    readonly candidate: Candidate | null;
  };
  readonly decideTool: (question: { readonly invocation: Invocation; readonly tool: string }) => Decision;
}

export type CandidatesFor = (model: string, formatName: string) => readonly Candidate[];

export const createDecide =
  ({ decideModel, decideTool }: Decisions, candidatesFor: CandidatesFor): ((inspected: Inspected) => Judgement) =>
  ({ crossing: { call }, invocation, reading }) => {
    const judgeTool = (tool: string): Judgement => {
      const decision = decideTool({ invocation, tool });
      return { decision, denial: toolDenial(decision, tool, invocation.role), candidate: null };
    };
    if (call.action === 'tool_call') return judgeTool(call.tool);

    const model = reading?.model ?? '';
    const candidates = candidatesFor(model, call.format.name);
    const { decision, candidate } = decideModel({ invocation, candidates });
    const denial = modelDenial(decision, model, invocation.role, candidates.length === 0);
    // Without a candidate there is nowhere to go, so not even `observe` lets it pass.
    if (candidate === null) return { decision: { ...decision, mode: 'enforce' }, denial, candidate };
    if (denial !== null && !goesOn(decision)) return { decision, denial, candidate };
    const offered = (reading?.toolsOffered ?? []).flatMap(({ name, hosted }) => (hosted ? [label(name)] : []));
    const tools = new Map(offered.map((tool) => [tool, judgeTool(tool)]));
    const refused = [...tools.values()].find((judged) => judged.denial !== null);
    const together = withHostedTools(decision, new Map([...tools].map(([tool, judged]) => [tool, judged.decision])));
    return { decision: together, denial: refused?.denial ?? denial, candidate };
  };

const modelDenial = ({ verdict }: Decision, model: string, role: string, unlisted: boolean): Denial | null => {
  if (verdict === 'permit') return null;
  if (verdict === 'approval') return { denial: 'approval_unavailable', subject: `The model ${label(model)}` };
  return { denial: 'model_not_permitted', model: label(model), role, ...(unlisted && { unlisted }) };
};

const toolDenial = ({ verdict }: Decision, tool: string, role: string): Denial | null => {
  if (verdict === 'permit') return null;
  if (verdict === 'approval') return { denial: 'approval_unavailable', subject: `The tool ${tool}` };
  return { denial: 'tool_not_permitted', tool, role };
};
