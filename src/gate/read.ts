// The read stage: wire bytes become slots, tools and a model name, by the reader of the crossing's own format.
// A tool call says all in its call already. What cannot be read is refused, once the caller is identified and can be told.

import type { Denial } from '../core/denial.ts';
import { label } from '../core/identifier.ts';
import type { Identified } from '../core/stages.ts';
import type { Reading } from '../core/wire-format.ts';

export const readCrossing = ({ crossing: { call }, unreadable }: Identified): { readonly reading: Reading | null } | Denial => {
  if (unreadable !== undefined) return unreadable;
  if (call.action === 'tool_call') return { reading: null };
  if (call.operation === 'unknown') {
    const path = call.path.slice(1);
    const named = label(path) === path ? `/${path}` : label(path);
    return { denial: 'not_permitted', problem: `${label(call.method)} ${named} is nothing that is carried for ${call.format.name}` };
  }
  const reading = call.format.read(call.operation, call.body);
  return 'malformed' in reading ? { denial: 'malformed', problem: reading.malformed } : { reading };
};
