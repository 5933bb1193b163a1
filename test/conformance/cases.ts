// The conformance cases of one wire format, as they lie on disk.
// Throws when a required file is missing: a case that is half there must not pass.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { RequestBytes } from '../../src/core/wire-format.ts';

export interface ExpectedRequest {
  readonly operation: string;
  /** The vendor's own path, and what travels on of its query. */
  readonly path: string;
  readonly query?: string;
  readonly model: string;
  readonly streaming: boolean;
  readonly tools_offered: readonly { readonly name: string; readonly hosted: boolean }[];
  readonly tools_answered: readonly { readonly call_id: string; readonly success: boolean }[];
  readonly system_prompt_digest: string | null;
  readonly session_id: string | null;
  readonly not_inspected: readonly { readonly what: string; readonly why: string }[];
  readonly slots: readonly { readonly path: string; readonly role: string; readonly text: string }[];
}

export interface ExpectedAnswer {
  /** 200 where it is not given. */
  readonly status?: number;
  readonly model_reported: string | null;
  readonly upstream_request_id: string | null;
  readonly input_token_count: number | null;
  readonly output_token_count: number | null;
  readonly error_type: string | null;
  readonly not_inspected: readonly { readonly what: string; readonly why: string }[];
  readonly tool_calls: readonly { readonly name: string; readonly call_id: string; readonly arguments: string; readonly hosted: boolean }[];
}

export interface Case {
  readonly name: string;
  readonly origin: string;
  readonly request: Uint8Array;
  readonly query: string;
  /** The upstream's. */
  readonly status: number;
  readonly streamed: boolean;
  readonly upstream: Uint8Array;
  /** What a client gets when nothing is refused. */
  readonly released: Uint8Array;
  /** Which calls to refuse, and what a client then gets; null when the case has none. */
  readonly refusal: { readonly sentences: ReadonlyMap<number, string>; readonly released: Uint8Array } | null;
  readonly expected: { readonly request: ExpectedRequest; readonly answer: ExpectedAnswer };
}

/** A body as the request of a case. */
export const requestOf = ({ expected: { request }, query }: Case, body: Uint8Array): RequestBytes => ({
  operation: request.operation,
  path: request.path,
  query,
  body,
});

const folder = new URL('.', import.meta.url);

export const casesOf = (formatName: string): readonly Case[] => {
  const root = new URL(`${formatName}/`, folder);
  return readdirSync(root).map((name) => readCase(new URL(`${name}/`, root), name));
};

const readCase = (at: URL, name: string): Case => {
  const file = (named: string): URL => new URL(named, at);
  const streamed = existsSync(file('upstream.sse'));
  const ending = streamed ? 'sse' : 'json';
  const upstream = readFileSync(file(`upstream.${ending}`));
  const released = existsSync(file(`released.${ending}`)) ? readFileSync(file(`released.${ending}`)) : upstream;
  const json = (named: string): unknown => JSON.parse(readFileSync(file(named), 'utf8'));
  const expected = json('expected.json') as Case['expected'];
  return {
    name,
    origin: readFileSync(file('origin.txt'), 'utf8'),
    request: readFileSync(file('request.json')),
    streamed,
    upstream,
    released,
    refusal: existsSync(file('refuse.json'))
      ? {
          sentences: new Map(Object.entries(json('refuse.json') as Record<string, string>).map(([index, text]) => [Number(index), text])),
          released: readFileSync(file(`refused.${ending}`)),
        }
      : null,
    expected,
    query: expected.request.query ?? '',
    status: expected.answer.status ?? 200,
  };
};
