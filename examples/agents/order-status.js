// An agent loop as its developer would write it: the vendor's SDK, one tool of its own, nothing of Sealwright.
// The SDK finds the envelope through ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN, which `sealwright run` sets.

import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic();
const model = 'simulated-1';

const tools = [
  {
    name: 'get_order_status',
    description: 'Looks up the status of an order.',
    input_schema: { type: 'object', properties: { order_id: { type: 'string' } }, required: ['order_id'] },
  },
];

/** The tool itself: it runs here, in the agent. */
const getOrderStatus = ({ order_id: orderId }) => `Order ${orderId} was shipped and arrives on Thursday.`;

const messages = [{ role: 'user', content: 'Where is order A-1001?' }];

for (;;) {
  const answer = await client.messages.create({ model, max_tokens: 500, tools, messages });
  messages.push({ role: 'assistant', content: answer.content });
  for (const block of answer.content) if (block.type === 'text') console.log(`model: ${block.text}`);
  const calls = answer.content.filter((block) => block.type === 'tool_use');
  if (calls.length === 0) break;
  const results = calls.map((call) => {
    console.log(`tool:  ${call.name} ${JSON.stringify(call.input)}`);
    return { type: 'tool_result', tool_use_id: call.id, content: getOrderStatus(call.input) };
  });
  messages.push({ role: 'user', content: results });
}

try {
  await client.messages.create({ model: 'simulated-2', max_tokens: 50, messages: [{ role: 'user', content: 'Hello?' }] });
} catch (error) {
  if (!(error instanceof Anthropic.PermissionDeniedError)) throw error;
  console.log(`denied, as it should be: ${error.error?.error?.message ?? error.message}`);
}
