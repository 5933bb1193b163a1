// The decide stage: asks policy about a model request or a tool call, and says which denial follows when it is not permitted.
// A tool that the provider would run by itself is judged with the request that offers it, because it cannot be held later.

import type { Decision } from '../core/decision.ts';
import { goesOn } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import type { Destination, Terms } from '../core/destination.ts';
import type { Candidate } from '../core/endpoint.ts';
import { label } from '../core/identifier.ts';
import type { OpaqueKind } from '../core/opaque.ts';
import type { Invocation } from '../core/principal.ts';
import type { Inspected, Judgement } from '../core/stages.ts';
import type { ToolArguments } from '../core/tool-arguments.ts';
import { judgeContent } from './content.ts';
import { withHostedTools } from './hosted-tools.ts';

export interface ModelQuestion {
  readonly invocation: Invocation;
  readonly candidates: readonly Candidate[];
  /** Kinds of what of the request nobody could inspect, sorted; absent where there is no request. */
  readonly notInspected?: readonly OpaqueKind[];
}

export interface ToolQuestion {
  readonly invocation: Invocation;
  /** Canonical name. */
  readonly tool: string;
  /**
   * Reads the arguments, null where nobody can say what they are; asked once at most, and only where policies look at them. Absent for a tool that
   * the provider runs.
   */
  readonly given?: () => ToolArguments | null;
}

/** What policy answers. */
export interface Decisions {
  /** The first candidate that is permitted, in their order. */
  readonly decideModel: (question: ModelQuestion) => { readonly decision: Decision; readonly candidate: Candidate | null };
  readonly decideTool: (question: ToolQuestion) => Decision;
  readonly decideConnection: (question: { readonly invocation: Invocation; readonly destination: Destination }) => Decision;
}

export type CandidatesFor = (model: string, formatName: string) => readonly Candidate[];

/** What holds for a connection of the role. */
export type TermsFor = (role: string, destination: Destination) => Terms;

/** Reads the arguments of a call as policies may look at them; null where nobody can say what they are. */
export type ReadArguments = (bytes: Uint8Array) => ToolArguments | null;

export const createDecide =
  (
    { decideModel, decideTool, decideConnection }: Decisions,
    candidatesFor: CandidatesFor,
    readArguments: ReadArguments,
    termsFor: TermsFor,
  ): ((inspected: Inspected) => Judgement) =>
  ({ crossing: { call }, invocation, reading, inspection }) => {
    const judgeTool = (tool: string, given?: ToolQuestion['given']): Judgement => {
      const decision = decideTool({ invocation, tool, ...(given === undefined ? {} : { given }) });
      return { decision, denial: toolDenial(decision, tool, invocation.role), candidate: null };
    };
    if (call.action === 'tool_call')
      return judgeTool(call.tool, () => (call.notInspected.length > 0 ? null : readArguments(call.arguments)));
    if (call.action === 'network_connection') return judgeConnection(invocation, call.destination, { decideConnection, termsFor });

    if (reading === null) throw new Error('a request that was not read is decided');
    const candidates = candidatesFor(reading.model, call.format.name);
    return judgeContent(reading, inspection.deniedBefore ?? (() => []), invocation.role, ({ kinds, toolsOffered }) => {
      const { decision, candidate } = decideModel({ invocation, candidates, notInspected: kinds });
      const denial = modelDenial(decision, reading.model, invocation.role, candidates.length === 0);
      // Without a candidate there is nowhere to go, so not even `observe` lets it pass.
      if (candidate === null) return { decision: { ...decision, mode: 'enforce' }, denial, candidate };
      if (denial !== null && !goesOn(decision)) return { decision, denial, candidate };
      const offered = toolsOffered.flatMap(({ name, hosted }) => (hosted ? [label(name)] : []));
      const tools = new Map(offered.map((tool) => [tool, judgeTool(tool)]));
      const refused = [...tools.values()].find((judged) => judged.denial !== null);
      const together = withHostedTools(decision, new Map([...tools].map(([tool, judged]) => [tool, judged.decision])));
      return { decision: together, denial: refused?.denial ?? denial, candidate };
    });
  };

interface Connecting extends Pick<Decisions, 'decideConnection'> {
  readonly termsFor: TermsFor;
}

const judgeConnection = (
  invocation: Invocation,
  destination: Destination | null,
  { decideConnection, termsFor }: Connecting,
): Judgement => {
  if (destination === null)
    return { decision: noDestination, denial: { denial: 'malformed', problem: 'no destination is named' }, candidate: null };
  const { role } = invocation;
  const decision = decideConnection({ invocation, destination });
  return { decision, denial: connectionDenial(decision, destination, role), candidate: null, terms: termsFor(role, destination) };
};

const noDestination: Decision = {
  verdict: 'deny',
  policies: [],
  reason: 'No destination is named.',
  mode: 'enforce',
  request: null,
  observed: null,
};

const connectionDenial = ({ verdict }: Decision, { name, port }: Destination, role: string): Denial | null => {
  if (verdict === 'permit') return null;
  if (verdict === 'approval') return { denial: 'approval_unavailable', subject: `A connection to ${name}` };
  return { denial: 'host_not_permitted', host: name, port, role };
};

const modelDenial = ({ verdict }: Decision, model: string, role: string, unlisted: boolean): Denial | null => {
  if (verdict === 'permit') return null;
  if (verdict === 'approval') return { denial: 'approval_unavailable', subject: `The model ${label(model)}` };
  return { denial: 'model_not_permitted', model: label(model), role, ...(unlisted && { unlisted }) };
};

const toolDenial = ({ verdict, unmet }: Decision, tool: string, role: string): Denial | null => {
  if (verdict === 'permit') return null;
  if (verdict === 'approval') return { denial: 'approval_unavailable', subject: `The tool ${tool}` };
  return { denial: 'tool_not_permitted', tool, role, ...(unmet === undefined ? {} : { unmet }) };
};
