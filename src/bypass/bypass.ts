// The bypass kit as its callers see it: what it would try, and trying it on a subject in a network of its own, from which nothing leaves.
// Answers with what was seen. Why nothing could be tried, or nothing can be concluded, is a problem and never a result.

import type { Attempt, Result } from './attempt.ts';
import { groundProblem, onGround } from './ground.ts';
import { kit } from './attempts/attempts.ts';
import { allowedHosts, allowedPorts, rawHost } from './names.ts';
import type { Line, Order } from './order.ts';
import { tryRemote } from './remote.ts';

export type { Result } from './attempt.ts';
export type { Subject } from './order.ts';
export { fixtureProblem } from './elsewhere.ts';

export interface Control {
  readonly path: string;
  /** The attempts. */
  readonly when: 'before' | 'after';
  readonly pass: boolean;
  readonly reason: string;
}

export interface Report {
  readonly controls: readonly Control[];
  readonly attempts: readonly Result[];
  /** Why there is nothing to conclude; null where there is. */
  readonly problem: string | null;
}

/** All attempts, in order. */
export const attempts: readonly Attempt[] = kit;

/** One attempt on one path, as it is marked beforehand. */
export interface Marked extends Pick<Result, 'id' | 'group' | 'path' | 'expected'> {
  readonly what: string;
  /** Why no guard could know, or what is missing. */
  readonly why: string | null;
}

const whyOf = (way: Attempt['ways'][number]): string | null => ('why' in way ? way.why : 'missing' in way ? way.missing : null);

export const marked: readonly Marked[] = kit.flatMap(({ id, group, what, ways }) =>
  ways.flatMap((way) => way.paths.map((path) => ({ id, group, path, expected: way.expected, what, why: whyOf(way) }))),
);

/** What a guard must allow, so that the kit can tell what it denies from what does not work. */
export const toBeAllowed: readonly { readonly host: string; readonly ports: readonly number[]; readonly tls: boolean }[] = [
  ...allowedHosts.map((host) => ({ host, ports: allowedPorts, tls: true })),
  { host: rawHost.host, ports: [rawHost.port], tls: false },
];

export interface Trying extends Order {
  readonly environment: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly doing: (done: number, total: number) => void;
  /** What the subject or the kit complained of. */
  readonly complaint: (text: string) => void;
  readonly stop: AbortSignal;
}

const concluded = (controls: readonly Control[], problem: string | null, ended: boolean): string | null => {
  if (problem !== null) return problem;
  const failed = controls.find(({ pass }) => !pass);
  if (failed !== undefined)
    return `Nothing can be concluded (${failed.path}${failed.when === 'after' ? ', behind the attempts' : ''}): ${failed.reason}`;
  return ended ? null : 'The kit was ended before it was through; something that was tried may have done that';
};

export const testBypass = async ({ environment, platform, doing, complaint, stop, ...order }: Trying): Promise<Report> => {
  const { subject } = order;
  const impossible = subject.kind === 'remote' ? null : groundProblem(platform);
  if (impossible !== null) return { controls: [], attempts: [], problem: impossible };
  const [controls, results]: [Control[], Result[]] = [[], []];
  let [problem, ended]: [string | null, boolean] = [null, false];
  const take = (line: Line): void => {
    if (line.line === 'doing') doing(line.done, line.total);
    else if (line.line === 'control') controls.push({ path: line.path, when: line.when, pass: line.pass, reason: line.reason });
    else if (line.line === 'result') results.push(line.result);
    else if (line.line === 'problem') problem = line.problem;
    else ended = true;
  };
  if (subject.kind === 'remote') await tryRemote(subject, order, environment, { say: take, stop });
  else await onGround(order, environment, { said: take, complaint, stop });
  return { controls, attempts: results, problem: concluded(controls, problem, ended) };
};

/** How many results are not as they were marked. */
export const surprisesIn = (results: readonly Result[]): number => results.filter(({ pass }) => !pass).length;
