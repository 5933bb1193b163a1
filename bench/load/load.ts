// The load generator as its orders see it: a process of its own on a processor of its own, with the upstream in it.
// One order at a time; rejects when the process ends. Whoever starts it stops it.

import type { ChildProcess } from 'node:child_process';
import { forkOn } from '../processors.ts';
import type { Order, Reply } from './generator.ts';
import type { Measured } from './loops.ts';

export interface Load {
  readonly upstreamPort: number;
  readonly carryOut: (order: Order) => Promise<Measured>;
  readonly stop: () => void;
}

const replyOf = (child: ChildProcess): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the load generator ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as Reply);
    });
  });

export const startLoad = async (): Promise<Load> => {
  const child = forkOn('load', new URL('generator.ts', import.meta.url), []);
  const ready = await replyOf(child);
  if (!('upstreamPort' in ready)) throw new Error('the load generator did not say where its upstream is');
  return {
    upstreamPort: ready.upstreamPort,
    carryOut: async (order) => {
      child.send(order);
      const reply = await replyOf(child);
      if ('upstreamPort' in reply) throw new Error('the load generator answered out of turn');
      return reply;
    },
    stop: () => child.disconnect(),
  };
};
