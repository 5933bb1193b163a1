// The field of a comparison: starts contenders by their names, those that can be started, and says why others could not.
// Whoever starts one ends it, whatever happens in between: `withField` does.

import { type Load, startLoad } from '../load/load.ts';
import { startBifrost } from './bifrost.ts';
import { type Contender, direct } from './contender.ts';
import { startEnvelope } from './envelope.ts';
import { startLitellm } from './litellm.ts';
import { startNginx } from './nginx.ts';
import { startPortkey } from './portkey.ts';
import { startProxy } from './proxy.ts';

const starts = {
  direct: async (upstreamPort: number) => direct(upstreamPort),
  'undici proxy': startProxy,
  envelope: (upstreamPort: number) => startEnvelope(upstreamPort, { profile: process.env['SEALWRIGHT_BENCH_PROFILE'] }),
  nginx: (upstreamPort: number) => startNginx(upstreamPort, false),
  'nginx, with a log': (upstreamPort: number) => startNginx(upstreamPort, true),
  Portkey: (upstreamPort: number) => startPortkey(upstreamPort, false),
  'Portkey, with a guardrail': (upstreamPort: number) => startPortkey(upstreamPort, true),
  LiteLLM: (upstreamPort: number) => startLitellm(upstreamPort, false),
  'LiteLLM, with a key': (upstreamPort: number) => startLitellm(upstreamPort, true),
  Bifrost: startBifrost,
} as const satisfies Readonly<Record<string, (upstreamPort: number) => Promise<Contender>>>;

export type ContenderName = keyof typeof starts;

export interface Field {
  readonly load: Load;
  readonly contenders: readonly Contender[];
  /** Why a contender is not there, by its name. */
  readonly missing: Readonly<Record<string, string>>;
  /** Those of these names that are there. */
  readonly of: (names: readonly ContenderName[]) => readonly Contender[];
}

/** Peers may be missing; what is measured and what it is measured by may not. */
const needed: readonly string[] = ['direct', 'undici proxy', 'envelope'];

const sentence = (problem: unknown): string => (problem instanceof Error ? problem.message.split('\n')[0] : '') ?? '';

export const withField = async <Result>(names: readonly ContenderName[], measure: (field: Field) => Promise<Result>): Promise<Result> => {
  const load = await startLoad();
  const contenders: Contender[] = [];
  const missing: Record<string, string> = {};
  try {
    for (const name of names) {
      try {
        contenders.push(await starts[name](load.upstreamPort));
      } catch (problem) {
        if (needed.includes(name)) throw problem;
        missing[name] = sentence(problem);
      }
    }
    const of = (wanted: readonly string[]): readonly Contender[] => contenders.filter(({ name }) => wanted.includes(name));
    return await measure({ load, contenders, missing, of });
  } finally {
    for (const contender of contenders.toReversed()) await contender.stop();
    load.stop();
  }
};
