// All features of all clients, and what the docs say of them.
// A client that joins is its file and a word here.

import { aiSdk } from './ai-sdk.ts';
import { anthropicSdk } from './anthropic-sdk.ts';
import type { Feature } from './feature.ts';
import { googleGenai } from './google-genai.ts';
import { openaiSdk } from './openai-sdk.ts';
import { openaiSdkResponses } from './openai-sdk-responses.ts';

export const features: readonly Feature[] = [...anthropicSdk, ...openaiSdk, ...openaiSdkResponses, ...googleGenai, ...aiSdk];
