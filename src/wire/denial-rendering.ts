// What the renderings of denials and failures have in common, whatever the format: the words and the header fields.
// Total over every denial code; the shape of the body is the format's own.

import { retryHeaders } from '../core/denial.ts';
import type { DenialText, FailureText } from '../core/wire-format.ts';

/** What the caller reads: our sentence, and where to ask when there is a record. */
export const messageOf = ({ sentence, recordId }: DenialText | FailureText): string =>
  recordId === null ? sentence : `${sentence} Record ${recordId}. Ask: sealwright why ${recordId}`;

const recordHeader = (recordId: string | null): Record<string, string> => (recordId === null ? {} : { 'x-sealwright-record': recordId });

export const denialHeaders = ({ code, recordId }: Pick<DenialText, 'code' | 'recordId'>): Readonly<Record<string, string>> => ({
  'content-type': 'application/json',
  ...retryHeaders(code),
  'x-sealwright-denial': code,
  ...recordHeader(recordId),
});

/** A failure that may pass leaves it to the client whether to try again. */
export const failureHeaders = ({ recordId, retryable }: FailureText): Readonly<Record<string, string>> => ({
  'content-type': 'application/json',
  ...(retryable ? {} : { 'x-should-retry': 'false' }),
  ...recordHeader(recordId),
});
