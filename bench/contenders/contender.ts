// What is compared: a process that stands between the load and the upstream, how it is asked, and what the system says of it.
// Each starts on the processor that is measured; whoever starts one stops it. Where the system does not say, a figure is null.

import type { Format } from '../load/exchange.ts';
import { cpuMsOf, familyOf, residentBytesOf } from '../processors.ts';

/** How requests of one format reach it. */
export interface Way {
  readonly path: string;
  /** Header fields of one client each. */
  readonly fields: readonly (readonly string[])[];
}

export interface Contender {
  readonly name: string;
  /** Null for the upstream itself, which is a part of the load. */
  readonly pid: number | null;
  readonly port: number;
  readonly ways: Partial<Readonly<Record<Format, Way>>>;
  /** Before each load: whatever it needs to be asked again. */
  readonly renew?: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const ofFamily = (pid: number | null, of: (member: number) => number): number | null => {
  if (pid === null) return null;
  try {
    return familyOf(pid).reduce((sum, member) => sum + of(member), 0);
  } catch {
    return null;
  }
};

/** Of all its processes. */
export const cpuMs = ({ pid }: Contender): number | null => ofFamily(pid, cpuMsOf);

export const residentBytes = ({ pid }: Contender): number | null => ofFamily(pid, residentBytesOf);

/** As a client shows itself to the vendor, and so to whatever only passes requests on. */
export const vendorWays: Contender['ways'] = {
  'openai-chat': { path: '/v1/chat/completions', fields: [['authorization: Bearer a-secret-of-the-upstream']] },
  'anthropic-messages': { path: '/v1/messages', fields: [['x-api-key: a-secret-of-the-upstream', 'anthropic-version: 2023-06-01']] },
};

/** Nothing in between. */
export const direct = (upstreamPort: number): Contender => ({
  name: 'direct',
  pid: null,
  port: upstreamPort,
  ways: vendorWays,
  stop: async () => undefined,
});
