// Deciding about a request that brings along what nobody could inspect: what was denied in an earlier turn is left out where the request would be
// denied with it, and of a denial it is found out which content it depends on. Both by deciding again, by the same function, with less.
// Pure. What has nothing to do with content is denied as without it, and nothing is offending.

import { goesOn } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import { label } from '../core/identifier.ts';
import type { OpaqueKind, OpaquePart } from '../core/opaque.ts';
import { opaqueWithout } from '../core/opaque.ts';
import type { Judgement } from '../core/stages.ts';
import { offeredWith, type OfferedTool, type Reading } from '../core/wire-format.ts';

/** A request as far as its content and what follows from that are concerned. */
export interface Content {
  readonly kinds: readonly OpaqueKind[];
  readonly toolsOffered: readonly OfferedTool[];
}

const passes = ({ decision, denial }: Judgement): boolean => denial === null || goesOn(decision);

/** The kinds that are denied by themselves; where it takes several together, all of them. */
const offendingKinds = (kinds: readonly OpaqueKind[], passesWith: (kinds: readonly OpaqueKind[]) => boolean): readonly OpaqueKind[] => {
  const alone = kinds.filter((kind) => !passesWith([kind]));
  return alone.length > 0 ? alone : kinds;
};

/** What is said of the model is said of the content instead; a denial of a tool names already what it is about. */
const contentDenial = ({ decision, denial }: Judgement, role: string, model: string, kinds: readonly OpaqueKind[]): Denial | null => {
  if (denial?.denial === 'model_not_permitted') return { denial: 'content_not_permitted', model: label(model), role, kinds };
  if (decision.verdict !== 'approval') return denial;
  return { denial: 'approval_unavailable', subject: `Content that could not be inspected (${kinds.join(', ')})` };
};

export const judgeContent = (
  { model, opaque, toolsOffered }: Reading,
  lookDeniedBefore: () => readonly OpaquePart[],
  role: string,
  judge: (content: Content) => Judgement,
): Judgement => {
  const judgeKinds = (kinds: readonly OpaqueKind[]): Judgement => judge({ kinds, toolsOffered: offeredWith(toolsOffered, kinds) });
  const whole = judgeKinds(opaqueWithout(opaque).kinds);
  if (passes(whole)) return whole;
  const deniedBefore = lookDeniedBefore();
  const { kinds } = opaqueWithout(opaque, deniedBefore);
  const rest = deniedBefore.length === 0 ? whole : { ...judgeKinds(kinds), takenOut: deniedBefore };
  if (passes(rest) || kinds.length === 0 || !passes(judgeKinds([]))) return rest;
  const offending = offendingKinds(kinds, (some) => passes(judgeKinds(some)));
  const left = new Set(deniedBefore);
  return {
    ...rest,
    denial: contentDenial(rest, role, model, offending),
    offending: opaque.parts.filter((part) => !left.has(part) && part.kinds.some((kind) => offending.includes(kind))),
  };
};
