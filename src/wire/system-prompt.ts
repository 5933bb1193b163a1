// Digests of a system prompt: of each of its texts, and of all of them, so that a record can name the prompt without holding it.
// Pure. A format leaves out what changes with each request before it asks.

import { hash } from 'node:crypto';
import type { Reading } from '../core/wire-format.ts';

const sha256 = (text: string): string => hash('sha256', text);

/** Of a single text, both are its plain digest. */
export const digestSystemPrompt = (texts: readonly string[]): Pick<Reading, 'systemPromptDigest' | 'systemPromptBlocks'> => ({
  systemPromptDigest: texts.length === 0 ? null : sha256(texts.join('\0')),
  systemPromptBlocks: texts.map(sha256),
});
