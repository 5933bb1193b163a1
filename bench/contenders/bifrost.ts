// Bifrost's gateway as a contender: configured by one file, no stores, no logging, errors alone printed.
// Its settings are those of its documentation; they have not been tried where its module could not be had.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installedPeer } from '../peers/install.ts';
import type { Contender } from './contender.ts';
import { startProgram } from './started.ts';

const configOf = (upstreamPort: number): object => ({
  client: { drop_excess_requests: false, enable_logging: false, initial_pool_size: 1_024 },
  config_store: { enabled: false },
  logs_store: { enabled: false },
  providers: {
    openai: {
      keys: [{ name: 'bench', value: 'a-secret-of-the-upstream', models: ['*'], weight: 1 }],
      network_config: { base_url: `http://127.0.0.1:${upstreamPort}`, max_retries: 0 },
      concurrency_and_buffer_size: { concurrency: 1_024, buffer_size: 4_096 },
    },
  },
});

export const startBifrost = async (upstreamPort: number): Promise<Contender> => {
  const program = installedPeer('bifrost');
  if (program === null) throw new Error('Bifrost is not installed (node bench/peers/install.ts bifrost)');
  const started = await startProgram('Bifrost', (folder, port) => {
    writeFileSync(join(folder, 'config.json'), JSON.stringify(configOf(upstreamPort)));
    return { argv: [program, '-app-dir', folder, '-host', '127.0.0.1', '-port', String(port), '-log-level', 'error'] };
  });
  // Its own path for clients of this vendor, where a model needs no provider before its name.
  return { ...started, name: 'Bifrost', ways: { 'openai-chat': { path: '/openai/v1/chat/completions', fields: [[]] } } };
};
