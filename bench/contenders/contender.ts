// What is compared: a process that stands between the load and the upstream, how it is asked, and what the system says of it.
// Each starts on the processor that is measured; whoever starts one stops it.

import type { Format } from '../load/exchange.ts';
import { cpuMsOf, familyOf, residentBytesOf } from '../processors.ts';

/** How requests of one format reach it. */
export interface Way {
  readonly path: string;
  /** Header fields of one client each. */
  readonly fields: readonly (readonly string[])[];
  readonly modelPrefix?: string;
}

export interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly ways: Partial<Readonly<Record<Format, Way>>>;
  readonly stop: () => Promise<void>;
}

/** Of all its processes. */
export const cpuMs = ({ pid }: Contender): number => familyOf(pid).reduce((sum, member) => sum + cpuMsOf(member), 0);

export const residentBytes = ({ pid }: Contender): number => familyOf(pid).reduce((sum, member) => sum + residentBytesOf(member), 0);
