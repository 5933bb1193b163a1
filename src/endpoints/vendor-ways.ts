// What differs from vendor to vendor on the way out: the header field that takes the credential, and the path behind the base URL.
// Pure; nothing here fails. Sources: the authentication sections of platform.claude.com/docs, platform.openai.com/docs/api-reference and
// ai.google.dev/api; docs.aws.amazon.com/bedrock, "API keys".

import type { CredentialField, FormatName } from './config.ts';

const credentialFieldOf = {
  'anthropic-messages': 'x-api-key',
  'openai-chat': 'authorization',
  'openai-responses': 'authorization',
  'openai-embeddings': 'authorization',
  gemini: 'x-goog-api-key',
  'bedrock-converse': 'authorization',
} as const satisfies Readonly<Record<FormatName, CredentialField>>;

const isFormatName = (name: string): name is FormatName => Object.hasOwn(credentialFieldOf, name);

/** The header field that carries `secret` to a server that speaks the format; `field` where the config names another. */
export const credentialHeaders = (
  formatName: string,
  secret: string,
  field: CredentialField = isFormatName(formatName) ? credentialFieldOf[formatName] : 'authorization',
): Readonly<Record<string, string>> => ({ [field]: field === 'authorization' ? `Bearer ${secret}` : secret });

const versionSegment = /^v\d+[a-z0-9]*$/;

/**
 * The path that goes upstream. People paste `https://api.openai.com/v1` or `https://host/api/paas/v4`, and a vendor's path begins with a version
 * too (`/v1/chat/completions`): a version at the end of the base URL stands in its place, anything else before it.
 */
export const createUpstreamPath = (baseUrl: URL): ((path: string) => string) => {
  const prefix = baseUrl.pathname.replace(/\/+$/, '');
  const endsWithVersion = versionSegment.test(prefix.slice(prefix.lastIndexOf('/') + 1));
  return (path) => {
    const second = path.indexOf('/', 1);
    const replaces = endsWithVersion && second !== -1 && versionSegment.test(path.slice(1, second));
    return `${prefix}${replaces ? path.slice(second) : path}`;
  };
};
