// What official clients can do, one entry a feature: it is run directly against a scripted provider and through the envelope,
// and the two must be the same. The table of wire formats in the docs is made from these entries.

import { readFileSync } from 'node:fs';

/** Columns of the table in the docs. */
export const clients = ['@anthropic-ai/sdk', 'openai', '@google/genai', 'ai'] as const;
export type Client = (typeof clients)[number];

/** Rows of the table in the docs, in its order. */
export const featureNames = [
  'text',
  'system prompt',
  'tools',
  'parallel tools',
  'tool results',
  'several turns',
  'thinking',
  'structured output',
  'images',
  'documents',
  'citations',
  'hosted tools',
  'refusal',
  'several answers',
  'token counts',
  'embeddings',
  'compaction',
  'model list',
  'error of the provider',
  'error inside a stream',
  'cancel',
  'time-out',
] as const;
export type FeatureName = (typeof featureNames)[number];

/** What the scripted provider answers to one call. */
export interface Canned {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
  /** Never ends: what was written stays all there is; not even a status where that is nothing. */
  readonly stalls?: true;
}

/** Where a client finds its provider, directly or through the envelope. */
export interface Place {
  /** Without the vendor's own path. */
  readonly url: string;
  readonly key: string;
}

export interface Feature {
  readonly client: Client;
  readonly format: string;
  readonly feature: FeatureName;
  readonly streaming: boolean;
  /** One a call, in their order. */
  readonly answers: readonly Canned[];
  /** What the application sees. Throws what the client throws. */
  readonly run: (place: Place) => Promise<unknown>;
  /** Whether the client is to raise something: else a comparison of two errors would prove nothing. */
  readonly fails?: true;
  /** Where the client ends the call, bytes cannot be compared: how many came before is a matter of time. */
  readonly ends?: 'early';
  /** Nothing goes to the provider, and so nothing is compared with it: what the application sees are names of models. */
  readonly answeredBy?: 'envelope';
}

/** Makes the features of one client with one format. */
export const featuresOf = (client: Client, format: string) => {
  const one =
    (streaming: boolean) =>
    (feature: FeatureName, answers: readonly Canned[], run: Feature['run'], more: Partial<Feature> = {}): Feature => ({
      client,
      format,
      feature,
      streaming,
      answers,
      run,
      ...more,
    });
  return { whole: one(false), streamed: one(true) };
};

/** The models that the role may call. Some clients ask for less where they do not know the name. */
export const models = { claude: 'claude-sonnet-4-6', gpt: 'gpt-5.2', gemini: 'gemini-3.8-flash' } as const;

/** A picture of one pixel, in base64. */
export const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** A page without a word, in base64. */
export const pdf = 'JVBERi0xLjQKJSVFT0YK';

/** The clients wait no longer than this for an answer that never comes. */
export const impatienceMs = 300;

const conformance = new URL('../conformance/', import.meta.url);

/** The provider's answer of a conformance case. */
export const recorded = (format: string, name: string, status = 200): Canned => {
  const streamed = name.endsWith('-streamed');
  return {
    status,
    contentType: streamed ? 'text/event-stream' : 'application/json',
    body: readFileSync(new URL(`${format}/${name}/upstream.${streamed ? 'sse' : 'json'}`, conformance)),
  };
};

/** The beginning of a streamed answer, up to and with the event that says `last`, and then an event of ours. */
export const broken = (format: string, name: string, last: string, event: string): Canned => {
  const whole = recorded(format, name);
  const text = whole.body.toString();
  if (!text.includes(last)) throw new Error(`the answer does not say ${last}`);
  const end = text.indexOf('\n\n', text.indexOf(last)) + 2;
  return { ...whole, body: Buffer.from(text.slice(0, end) + event) };
};

/** The same answer with other words. Throws where the words to replace do not occur. */
export const reworded = (canned: Canned, ...words: readonly (readonly [string, string])[]): Canned => {
  const text = words.reduce((said, [from, to]) => {
    if (!said.includes(from)) throw new Error(`the answer does not say ${from}`);
    return said.replaceAll(from, to);
  }, canned.body.toString());
  return { ...canned, body: Buffer.from(text) };
};

/** The beginning of a case's answer, after which nothing comes. */
export const stalled = (format: string, name: string, bytes: number): Canned => {
  const whole = recorded(format, name);
  return { ...whole, body: whole.body.subarray(0, bytes), stalls: true };
};

export const json = (body: unknown, status = 200): Canned => ({
  status,
  contentType: 'application/json',
  body: Buffer.from(JSON.stringify(body)),
});

/** Everything that an asynchronous sequence brings. */
export const all = async <T>(sequence: AsyncIterable<T>): Promise<T[]> => {
  const items: T[] = [];
  for await (const item of sequence) items.push(item);
  return items;
};
