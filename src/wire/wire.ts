// The table of wire formats that the model door carries: a new format is its file and one row here.
// Lookups answer undefined for what nobody carries; nothing here fails.

import type { WireFormat } from '../core/wire-format.ts';
import { anthropicMessages } from './anthropic-messages.ts';

export const formats: readonly WireFormat[] = [anthropicMessages];

/** Methods by which vendors' operations are called. */
const methods = ['POST', 'GET'] as const;

export interface FormatPath {
  readonly format: WireFormat;
  /** The vendor's own path, without our prefix. */
  readonly path: string;
}

/** Whose path this is: canonical (`/anthropic/v1/messages`), or a bare vendor path that a format carries. `path` is without a query. */
export const formatAt = (path: string): FormatPath | undefined => {
  const canonical = formats.find(({ prefix }) => path.startsWith(`${prefix}/`));
  if (canonical !== undefined) return { format: canonical, path: path.slice(canonical.prefix.length) };
  const bare = formats.find(({ operation }) => methods.some((method) => operation(method, path) !== undefined));
  return bare === undefined ? undefined : { format: bare, path };
};
