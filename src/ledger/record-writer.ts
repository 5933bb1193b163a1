// Makes leaves of records: adds the members that every record has, writes the canonical form, hashes it.
// What cannot be a leaf is refused as data: too large, or something that JSON cannot say.

import { canonicalJson } from '../core/canonical-json.ts';
import type { Stamp } from '../core/stamp.ts';
import { stampOf } from '../core/stamp.ts';
import { limits } from '../core/limits.ts';
import type { RecordBody, RecordKind, RecordRefusal, Stream } from '../core/receipt.ts';
import type { Submission } from './commit-loop.ts';
import { sha256 } from './merkle.ts';
import type { RecordMembers } from './open-work.ts';
import { shardOf } from './origin.ts';
import type { LedgerDeps, LedgerSettings } from './settings.ts';

/** Version of the record's format, in each record. */
const recordSchema = 'sealwright.record.v1';

export interface RecordWriter {
  readonly submission: (body: RecordBody) => Submission | RecordRefusal;
  /** A record of the ledger itself. */
  readonly own: (stream: Stream, kind: RecordKind, members: RecordMembers) => RecordBody;
  readonly stamp: () => Stamp;
}

/** A leaf and its hash, SHA-256(0x00 || leaf): the prefix stands before the text in one buffer, so that nothing is copied to be hashed. */
const leafOf = (text: string): { readonly leaf: Uint8Array; readonly leafHash: Uint8Array } => {
  const prefixed = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
  prefixed[0] = 0;
  prefixed.write(text, 1);
  return { leaf: prefixed.subarray(1), leafHash: sha256(prefixed) };
};

export const createRecordWriter = (settings: LedgerSettings, { clock, random }: Pick<LedgerDeps, 'clock' | 'random'>): RecordWriter => {
  const fixed = {
    schema: recordSchema,
    environment: settings.environment,
    deployment: settings.deployment,
    release: settings.release,
  };
  const stamp = (): Stamp => stampOf(clock, random);
  const submission = (body: RecordBody): Submission | RecordRefusal => {
    let text: string;
    try {
      text = canonicalJson({ ...body, ...fixed });
    } catch {
      return { refused: 'malformed', problem: 'the record holds something that JSON cannot say' };
    }
    const { leaf, leafHash } = leafOf(text);
    if (leaf.length > limits.leafBytes) return { refused: 'too_large', problem: `a record has at most ${limits.leafBytes} bytes` };
    const shard = shardOf(body.timestamp) ?? shardOf(stamp().timestamp) ?? '';
    return { body, shard, leaf, leafHash };
  };
  const own = (stream: Stream, kind: RecordKind, members: RecordMembers): RecordBody => ({ ...members, ...stamp(), stream, kind });
  return { submission, own, stamp };
};
