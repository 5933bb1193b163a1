// Proofs that anyone can verify offline: C2SP tlog-proof (https://c2sp.org/tlog-proof), one text file for one record.
// The leaf itself rides in the `extra` line, so that the file needs nothing beside it but the verifier key.
// Making one answers a problem for a record that no checkpoint covers yet; verifying never throws.

import { inclusionProof, inclusionVerifies, leafHash, sameHash, treeRoot, hashBytes } from './merkle.ts';
import { fromBase64, isNoteProblem, openNote, parseCheckpoint, type NoteProblem, type NoteVerifier } from './note.ts';
import { tilePath, tileSource, tileWidth, type TileName } from './tiles.ts';
import { parseOrigin } from './origin.ts';
import type { Ledger, StoredRecord } from './reader.ts';

const firstLine = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^53 leaves has proofs of 53 hashes. */
const proofHashes = 63;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** The proof of one record, as text. */
export const proveRecord = (ledger: Ledger, record: StoredRecord): string | NoteProblem => {
  const log = ledger.logs.find(({ origin }) => origin === record.origin);
  const size = log?.checkpoint?.size ?? 0;
  if (!log?.checkpoint || log.note === null || record.index >= size) {
    return { problem: 'no checkpoint covers this record yet: one is signed about every second while the envelope runs' };
  }
  const tiles = new Map<string, Uint8Array>();
  const readTile = (name: TileName): Uint8Array => {
    const path = tilePath(name);
    const bytes =
      tiles.get(path) ??
      ledger.files.read(`logs/${log.origin}/${path}`) ??
      ledger.files.read(`logs/${log.origin}/${tilePath({ ...name, width: tileWidth })}`)?.subarray(0, name.width * hashBytes) ??
      new Uint8Array(0);
    tiles.set(path, bytes);
    return bytes;
  };
  try {
    const source = tileSource(size, readTile);
    const path = inclusionProof(source, record.index, size);
    if (
      !sameHash(treeRoot(source, size), log.checkpoint.root) ||
      !inclusionVerifies(leafHash(record.leaf), record.index, size, path, log.checkpoint.root)
    ) {
      return { problem: 'the tiles of this log do not lead to its checkpoint: run `sealwright audit verify`' };
    }
    const lines = [firstLine, `extra ${base64(record.leaf)}`, `index ${record.index}`, ...path.map(base64)];
    return `${lines.join('\n')}\n\n${Buffer.from(log.note).toString('utf8')}`;
  } catch (error) {
    if (error instanceof RangeError) return { problem: 'a tile of this log is missing or damaged: run `sealwright audit verify`' };
    throw error;
  }
};

export interface ProvedLeaf {
  readonly origin: string;
  readonly index: number;
  readonly size: number;
  readonly leaf: Uint8Array;
  readonly signedBy: readonly string[];
}

/** Verifies a proof whose `extra` line holds its leaf, for a checkpoint that one of `verifiers` signed. */
export const verifyProof = (text: string, verifiers: readonly NoteVerifier[]): ProvedLeaf | NoteProblem => {
  const blank = text.indexOf('\n\n');
  const [first, extra, index, ...path] = text.slice(0, Math.max(0, blank)).split('\n');
  const leaf = extra?.startsWith('extra ') ? fromBase64(extra.slice(6)) : null;
  const number = /^index (0|[1-9]\d{0,15})$/.exec(index ?? '')?.[1];
  const hashes = path.map(fromBase64);
  if (first !== firstLine || leaf === null || number === undefined || path.length > proofHashes)
    return { problem: 'this is not a proof with its leaf' };
  if (!hashes.every((hash) => hash !== null)) return { problem: 'a hash of the proof is not base64' };
  const note = openNote(Buffer.from(text.slice(blank + 2)), verifiers);
  if (isNoteProblem(note)) return note;
  const checkpoint = parseCheckpoint(note.text);
  if (isNoteProblem(checkpoint)) return checkpoint;
  const { origin, size, root } = checkpoint;
  // A key speaks for the deployment that it is named after; another's word about this log counts nothing.
  if (!note.signedBy.includes(parseOrigin(origin)?.deployment ?? ''))
    return { problem: 'the checkpoint is not signed by the deployment that it names' };
  if (!inclusionVerifies(leafHash(leaf), Number(number), size, hashes, root))
    return { problem: 'the proof does not lead from the leaf to the signed root' };
  return { origin, index: Number(number), size, leaf, signedBy: note.signedBy };
};
