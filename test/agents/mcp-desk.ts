// A tool server over standard input and output with one tool, `echo`, for the agents that a test drives (modelcontextprotocol.io, stdio transport).
// One JSON-RPC message a line. Ends when its input ends; what it does not know it answers with an error.

import { createInterface } from 'node:readline';

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly protocolVersion?: string; readonly arguments?: { readonly words?: string } };
}

const echo = {
  name: 'echo',
  description: 'the description of the echo tool',
  inputSchema: { type: 'object', properties: { words: { type: 'string', description: 'the words to say again' } }, required: ['words'] },
  annotations: { readOnlyHint: true },
};

const resultOf = ({ method, params }: Message): unknown => {
  if (method === 'initialize')
    return {
      protocolVersion: params?.protocolVersion ?? '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'desk', version: '1.0.0' },
    };
  if (method === 'tools/list') return { tools: [echo] };
  if (method === 'tools/call') return { content: [{ type: 'text', text: `the desk says: ${params?.arguments?.words ?? ''}` }] };
  return method === 'ping' ? {} : undefined;
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line) as Message;
  if (message.id === undefined) return;
  const result = resultOf(message);
  const answer = result === undefined ? { error: { code: -32601, message: 'no such method' } } : { result };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer })}\n`);
});
