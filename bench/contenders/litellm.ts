// LiteLLM's proxy as a contender: one worker, no database, no callbacks, nothing fetched at the start, errors alone printed.
// Plain it checks nothing. With a key it asks for its master key, which is the check it has without a database.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installedPeer } from '../peers/install.ts';
import { modelOf } from '../load/exchange.ts';
import type { Contender } from './contender.ts';
import { startProgram } from './started.ts';

const masterKey = 'sk-a-key-of-the-bench';

const configOf = (upstreamPort: number, withKey: boolean): string => `
model_list:
${[modelOf('quick'), modelOf('paced')]
  .map(
    (model) => `  - model_name: ${model}
    litellm_params: { model: openai/${model}, api_base: http://127.0.0.1:${upstreamPort}/v1, api_key: a-secret-of-the-upstream }`,
  )
  .join('\n')}
litellm_settings: { telemetry: false, num_retries: 0, request_timeout: 600, set_verbose: false, turn_off_message_logging: true }
general_settings: { disable_spend_logs: true, disable_error_logs: true${withKey ? `, master_key: ${masterKey}` : ''} }
router_settings: { num_retries: 0, disable_cooldowns: true }
`;

export const startLitellm = async (upstreamPort: number, withKey: boolean): Promise<Contender> => {
  const program = installedPeer('litellm');
  if (program === null) throw new Error('LiteLLM is not installed (node bench/peers/install.ts litellm)');
  const name = withKey ? 'LiteLLM, with a key' : 'LiteLLM';
  const started = await startProgram(name, (folder, port) => {
    const config = join(folder, 'config.yaml');
    writeFileSync(config, configOf(upstreamPort, withKey));
    const env = {
      LITELLM_MODE: 'PRODUCTION',
      LITELLM_LOG: 'ERROR',
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      LITELLM_TELEMETRY: 'False',
      DISABLE_ADMIN_UI: 'True',
      NO_DOCS: 'True',
    };
    return { argv: [program, '--config', config, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1'], env };
  });
  const fields = [withKey ? `authorization: Bearer ${masterKey}` : 'authorization: Bearer none'];
  return { ...started, name, ways: { 'openai-chat': { path: '/v1/chat/completions', fields: [fields] } } };
};
