// Portkey's gateway as a contender: its own start script, without its console, in production mode, told by header fields where the upstream is.
// Plain it checks nothing. With guardrails it does what of its own checks comes nearest to a role: the list of models that may be called.
// It writes no record of its own.

import { installedPeer } from '../peers/install.ts';
import { modelOf } from '../load/exchange.ts';
import type { Contender } from './contender.ts';
import { startProgram } from './started.ts';

const models = [modelOf('quick'), modelOf('paced')];

const guardrails = {
  before_request_hooks: [
    { id: 'models', type: 'guardrail', deny: true, checks: [{ id: 'default.modelWhitelist', parameters: { Models: models } }] },
  ],
};

export const startPortkey = async (upstreamPort: number, withGuardrails: boolean): Promise<Contender> => {
  const program = installedPeer('portkey');
  if (program === null) throw new Error('Portkey is not installed (node bench/peers/install.ts portkey)');
  const name = withGuardrails ? 'Portkey, with a guardrail' : 'Portkey';
  const started = await startProgram(name, (_, port) => ({
    argv: [process.execPath, program, `--port=${port}`, '--headless'],
    env: { NODE_ENV: 'production' },
  }));
  const target = { provider: 'openai', custom_host: `http://127.0.0.1:${upstreamPort}/v1`, api_key: 'a-secret-of-the-upstream' };
  const fields = withGuardrails
    ? [`x-portkey-config: ${JSON.stringify({ ...target, ...guardrails })}`]
    : ['x-portkey-provider: openai', `x-portkey-custom-host: ${target.custom_host}`, `authorization: Bearer ${target.api_key}`];
  return { ...started, name, ways: { 'openai-chat': { path: '/v1/chat/completions', fields: [fields] } } };
};
