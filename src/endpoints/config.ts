// Settings of the places where models run. Secrets stand here only by reference; the value is fetched when it is needed.
// The order of the file counts: a model goes to the first listed endpoint that the decision permits.

import { z } from 'zod';
import type { Streaming, Topology } from '../core/endpoint.ts';
import type { Frozen } from '../core/frozen.ts';
import { ownNameForm, ownNameProblem, plainName } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import type { Price } from '../core/price.ts';

/** A name that somebody else chose: of a model or tool. */
const name = z
  .string()
  .max(limits.labelCharacters)
  .regex(plainName, { error: 'must be a name of letters, digits and . _ : / @ + - that begins with a letter or digit' });

/** A name that the writer of the file chooses. Begins with a letter: JavaScript would put names that are numbers first, and the order of endpoints counts. */
const ownName = z.string().max(limits.labelCharacters).regex(ownNameForm, { error: ownNameProblem });

const topologies = ['vendor', 'cloud-partner', 'self-hosted'] as const satisfies readonly Topology[];
const streamings = ['incremental', 'buffered'] as const satisfies readonly Streaming[];
const formats = ['anthropic-messages', 'openai-chat', 'openai-responses', 'openai-embeddings', 'gemini', 'bedrock-converse'] as const;

/** The formats of `formats` that this version carries. */
export const carriedFormats: readonly string[] = ['anthropic-messages', 'openai-chat', 'openai-responses', 'openai-embeddings', 'gemini'];

/** Header fields in which a vendor takes its credential. */
const credentialFields = ['x-api-key', 'authorization', 'x-goog-api-key'] as const;

export const credentialConfig = z
  .union([
    z.strictObject({
      env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'must be the name of an environment variable' })
        .describe('Name of an environment variable.'),
    }),
    z.strictObject({ file: z.string().min(1).describe('Path of a file whose content is the secret, relative to this file.') }),
    z.strictObject({
      command: z.array(z.string().min(1)).min(1).describe('Program and arguments; its first line of output is the secret.'),
    }),
  ])
  .describe('Where the secret is found; never the secret itself.');

/** More than any model costs, and small enough for whole numbers of millionths. */
const priceMax = 1_000_000;
const micros = 1_000_000;

const perMillion = z
  .number()
  .min(0)
  .max(priceMax)
  .refine((price) => Number(price.toFixed(6)) === price, { error: 'must have at most six decimal places' });

const price = z.strictObject({
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, { error: 'must be three capital letters, such as USD' })
    .describe('Three capital letters (ISO 4217).'),
  input_per_million: perMillion.describe('For a million of the units that the provider counts as input.'),
  cached_input_per_million: perMillion
    .optional()
    .describe('For a million of those of the input that the provider read from its cache; without it they cost what other input costs.'),
  output_per_million: perMillion.describe('For a million of the units that the provider counts as output; 0 for a model that gives none.'),
});

const model = z.strictObject({
  pin: name.describe('The model name that goes upstream and into records: a dated snapshot where the vendor has one.'),
  reports: z
    .array(name)
    .optional()
    .describe('Names under which the provider may report this pin in its answers. The pin itself always counts.'),
  also_called: z.array(name).optional().describe('Names that clients may use; they are rewritten to the pin.'),
  price: price
    .optional()
    .describe(
      'What it costs, so that records, `run` and `audit show` can say it. An estimate from the counts of the provider: what it charges for writing into its ' +
        'cache, for long requests, for tools that it runs, and what it takes off for batches or by contract, is not in it. Without a price there is no cost.',
    ),
});

export const proxyConfig = z
  .strictObject({
    url: z
      .string()
      .describe(
        'Address of a proxy that takes CONNECT, such as http://proxy.example:3128; http or https. It may be private, but not link-local or special. ' +
          'The proxy resolves the name of the endpoint, so records then hold the address of the proxy.',
      ),
    credential: credentialConfig.optional().describe('Where USER:PASSWORD for the proxy is found, sent as Basic; never the secret itself.'),
  })
  .superRefine(({ url }, context) => {
    const problem = proxyUrlProblem(url);
    if (problem !== null) context.addIssue({ code: 'custom', path: ['url'], message: problem });
  });

const via = z.strictObject({
  proxy: proxyConfig
    .optional()
    .describe('A corporate proxy through which every connection to this endpoint goes. Variables of the environment name none.'),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe(
      "PEM file with certificates that are trusted for this endpoint, and for its proxy, in addition to the system's, as an inspection proxy needs. " +
        'Relative to this file; read when the envelope starts.',
    ),
});

const proxyUrlProblem = (text: string): string | null => {
  if (!URL.canParse(text)) return 'must be a URL such as http://proxy.example:3128';
  const { username, password, search, hash, pathname, protocol, hostname } = new URL(text);
  if (username !== '' || password !== '') return 'must not carry a user or password; name the secret under `credential`';
  if (protocol !== 'http:' && protocol !== 'https:') return 'must begin with http:// or https://';
  if (hostname === '' || search !== '' || hash !== '' || pathname !== '/') return 'must name a host and a port, and nothing behind them';
  return null;
};

const baseUrlProblem = (text: string, topology: Topology): string | null => {
  if (!URL.canParse(text)) return 'must be a URL such as https://api.example.com';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not carry a user or password; name the secret under `credential`';
  if (url.search !== '' || url.hash !== '') return 'must not have a query or fragment';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'must begin with https://';
  return topology === 'self-hosted' ? null : 'must begin with https://; http:// is only for `topology: self-hosted`';
};

const endpoint = z
  .strictObject({
    formats: z.array(z.enum(formats)).min(1).describe('Wire formats that this endpoint speaks.'),
    topology: z.enum(topologies).describe('Who runs it: the model vendor, your cloud provider, or you.'),
    provider: ownName.describe('Who answers, such as `anthropic`. `simulated` is built in, deterministic, and reaches no network.'),
    region: ownName.describe('Where prompts and completions are processed, in the words of your contract.'),
    base_url: z
      .string()
      .optional()
      .describe(
        "Where it is reached; https, or http for `self-hosted`. The vendor's own path follows. Where this ends in a version such as `/v1`, " +
          'that stands in place of the version with which the path begins. Required, except for `simulated`, which has none.',
      ),
    credential: credentialConfig.optional(),
    credential_header: z
      .enum(credentialFields)
      .optional()
      .describe(
        "Header field that carries the credential (`authorization` as Bearer), for a server that wants another than the format's vendor: " +
          '`x-api-key` for anthropic-messages, `x-goog-api-key` for gemini, `authorization` for all others.',
      ),
    via: via.optional().describe('What stands between this envelope and the endpoint: a proxy, an authority that a proxy signs with.'),
    streaming: z
      .enum(streamings)
      .default('incremental')
      .describe(
        'Whether streamed answers arrive as they are made, or `buffered`, whole at the end, because something on the way holds them back.',
      ),
    models: z.array(model).min(1).describe('Models that may be called here.'),
  })
  .superRefine((settings, context) => {
    const refuse = (path: readonly string[], message: string): void => context.addIssue({ code: 'custom', path: [...path], message });
    if (settings.provider === 'simulated') {
      if (settings.base_url !== undefined) refuse(['base_url'], 'the simulated provider is built in and has no URL');
      if (settings.credential !== undefined) refuse(['credential'], 'the simulated provider is built in and takes no credential');
      if (settings.via !== undefined) refuse(['via'], 'the simulated provider is built in and reached through nothing');
    }
    if (settings.credential_header !== undefined && settings.credential === undefined)
      refuse(['credential_header'], 'names a header field for a credential that is not there');
    if (settings.provider === 'simulated') return;
    if (settings.base_url === undefined) return refuse(['base_url'], 'is missing; only the provider `simulated` has none');
    const problem = baseUrlProblem(settings.base_url, settings.topology);
    if (problem !== null) refuse(['base_url'], problem);
  });

export const endpointsConfig = z.record(ownName, endpoint);

/** A price of the config in whole numbers. */
export const priceOf = (settings: Frozen<z.output<typeof price>>): Price => {
  const { currency, input_per_million: input, cached_input_per_million: cached, output_per_million: output } = settings;
  const inMicros = (amount: number): number => Math.round(amount * micros);
  return {
    currency,
    inputMicros: inMicros(input),
    cachedInputMicros: cached === undefined ? null : inMicros(cached),
    outputMicros: inMicros(output),
  };
};

export type EndpointSettings = Frozen<z.output<typeof endpoint>>;
export type FormatName = EndpointSettings['formats'][number];
export type CredentialField = (typeof credentialFields)[number];
export type CredentialReference = Frozen<z.output<typeof credentialConfig>>;
