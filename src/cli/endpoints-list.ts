// `endpoints list`: the places where models run, in the order in which they are tried. Reads the config; contacts nobody.
// Shows where a secret is found, never the secret.

import type { Config } from '../config/config.ts';
import { configOption, exitCode, writeJson, type Command } from './command.ts';
import { configPathOf } from './config-path.ts';
import { loadOrExplain } from './envelope-options.ts';

type Endpoint = Config['endpoints'][string];

const credentialText = (credential: Endpoint['credential']): string => {
  if (credential === undefined) return 'none';
  if ('env' in credential) return `environment variable ${credential.env}`;
  return 'file' in credential ? `file ${credential.file}` : `output of ${credential.command[0]}`;
};

const viaText = ({ proxy, ca }: NonNullable<Endpoint['via']>): string => {
  const through = proxy === undefined ? [] : [`${proxy.url} (credential: ${credentialText(proxy.credential)})`];
  return [...through, ...(ca === undefined ? [] : [`trusting ${ca} too`])].join(', ') || 'nothing';
};

const linesOf = (id: string, endpoint: Endpoint): string => {
  const { topology, provider, region, formats, base_url: baseUrl, models, credential, credential_header: field, via, streaming } = endpoint;
  const names = models.map(({ pin, also_called: also = [] }) => (also.length > 0 ? `${pin} (also called ${also.join(', ')})` : pin));
  return [
    `${id}: ${provider}, ${topology}, ${region}`,
    `  at          ${baseUrl ?? 'inside this process'}`,
    ...(via === undefined ? [] : [`  via         ${viaText(via)}`]),
    `  credential  ${credentialText(credential)}${field === undefined ? '' : `, in ${field}`}`,
    `  formats     ${formats.join(', ')}`,
    `  streaming   ${streaming}`,
    `  models      ${names.join(', ')}`,
    '',
  ].join('\n');
};

export const endpointsList: Command = {
  name: 'endpoints list',
  summary: 'List the places where models run',
  describe: 'In the order of the config: a model goes to the first one listed that the decision permits. Nothing is contacted.',
  positionals: [],
  options: [configOption],
  examples: [{ line: 'sealwright endpoints list --config sealwright.yaml', does: 'list those of a file of your own' }],
  run: async (input, io) => {
    const loaded = loadOrExplain(configPathOf(input, io));
    const endpoints = Object.entries(loaded.config.endpoints);
    if (input.json) writeJson(io.stdout, { endpoints: endpoints.map(([id, settings]) => ({ id, ...settings })) });
    else io.stdout.write(endpoints.map(([id, settings]) => linesOf(id, settings)).join('\n') || 'The config lists no endpoint.\n');
    return exitCode.ok;
  },
};
