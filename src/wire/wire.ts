// The tables of the model door: which wire formats are carried, under which vendor's prefix, and what of a vendor is not carried and why.
// A new format is its file and one row here. Lookups answer undefined for what nobody carries; nothing here fails.

import type { WireFormat } from '../core/wire-format.ts';
import { anthropicMessages } from './anthropic-messages.ts';
import { gemini } from './gemini.ts';
import { notCarried } from './not-carried.ts';
import { openaiChat } from './openai-chat.ts';
import { openaiEmbeddings } from './openai-embeddings.ts';
import { openaiResponses } from './openai-responses.ts';

export const formats: readonly WireFormat[] = [anthropicMessages, openaiChat, openaiResponses, openaiEmbeddings, gemini];

export interface FormatPath {
  /** The format of the operation; of a path that is not carried, the first of the vendor's, which can render a refusal. */
  readonly format: WireFormat;
  /** The vendor's own path, without our prefix. */
  readonly path: string;
  readonly operation: string | undefined;
  /** What lies at a path of the vendor's that is not carried, and why; null where nothing is known of it. */
  readonly notCarried: string | null;
}

const among = (candidates: readonly WireFormat[], method: string, path: string): FormatPath | undefined => {
  const found = candidates.find(({ operation }) => operation(method, path) !== undefined) ?? candidates[0];
  if (found === undefined) return undefined;
  const operation = found.operation(method, path);
  return { format: found, path, operation, notCarried: operation === undefined ? notCarried(found.prefix, path) : null };
};

/**
 * Whose path this is: canonical (`/anthropic/v1/messages`), or a bare vendor path that the formats of one vendor alone carry.
 * `path` is without a query.
 */
export const formatAt = (method: string, path: string): FormatPath | undefined => {
  const canonical = formats.filter(({ prefix }) => path.startsWith(`${prefix}/`));
  if (canonical[0] !== undefined) return among(canonical, method, path.slice(canonical[0].prefix.length));
  const bare = formats.filter(({ operation }) => anyMethod.some((each) => operation(each, path) !== undefined));
  return new Set(bare.map(({ prefix }) => prefix)).size === 1 ? among(bare, method, path) : undefined;
};

/** Methods by which vendors' operations are called. */
const anyMethod = ['POST', 'GET'] as const;

/** What the vendors' prefixes are, for whoever asks at none of them. */
export const prefixes: readonly string[] = [...new Set(formats.map(({ prefix }) => prefix))];

export const formatNamesUnder = (prefix: string): readonly string[] =>
  formats.filter((format) => format.prefix === prefix).map(({ name }) => name);
