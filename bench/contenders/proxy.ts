// The bare proxy as a contender: undici toward the upstream, Node's server toward the client, nothing in between.

import { startSide } from '../stream-process.ts';
import type { Contender } from './contender.ts';

export const startProxy = async (upstreamPort: number): Promise<Contender> => {
  const side = await startSide('./stream-proxy.ts', [`http://127.0.0.1:${upstreamPort}`]);
  return {
    name: 'undici proxy',
    pid: side.pid,
    port: side.port,
    ways: {
      'openai-chat': { path: '/v1/chat/completions', fields: [['authorization: Bearer a-secret-of-the-upstream']] },
      'anthropic-messages': { path: '/v1/messages', fields: [['x-api-key: a-secret-of-the-upstream', 'anthropic-version: 2023-06-01']] },
    },
    stop: side.stop,
  };
};
