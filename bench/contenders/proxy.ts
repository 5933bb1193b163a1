// The bare proxy as a contender: undici toward the upstream, Node's server toward the client, nothing in between.

import { startSide } from '../stream-process.ts';
import { type Contender, vendorWays } from './contender.ts';

export const startProxy = async (upstreamPort: number): Promise<Contender> => {
  const { pid, port, stop } = await startSide('./stream-proxy.ts', [`http://127.0.0.1:${upstreamPort}`]);
  return { name: 'undici proxy', pid, port, ways: vendorWays, stop };
};
