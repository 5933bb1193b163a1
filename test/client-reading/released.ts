// What the gate would let through of a stream: the ground on which readers of clients are held against ours.
// Contract: each piece is settled before the next is asked for, as the gate does it. What cannot be framed is not released.

import type { CalledTool, StreamPiece, WireFormat } from '../../src/core/wire-format.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface Released {
  readonly text: string;
  readonly calls: readonly CalledTool[];
}

/** When every call that can be refused is refused, or none. `cuts` are the lengths of the chunks, over and over. */
export const release = (
  format: WireFormat,
  operation: string,
  bytes: Uint8Array,
  { cuts, refused }: { readonly cuts: readonly number[]; readonly refused: boolean },
): Released => {
  const reader = format.readStream(operation);
  const calls: CalledTool[] = [];
  const out: Uint8Array[] = [];
  const take = (pieces: Iterable<StreamPiece>): void => {
    for (const piece of pieces) {
      if (piece.piece === 'unreadable') continue;
      if (piece.piece === 'tool_call') calls.push(piece.call);
      out.push(piece.piece === 'tool_call' && refused && !piece.call.hosted ? piece.refuse('No.') : piece.bytes);
    }
  };
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = Math.max(1, cuts[turn % cuts.length] ?? bytes.length);
    take(reader.push(bytes.subarray(at, at + length)));
    at += length;
  }
  take(reader.end());
  return { text: Buffer.concat(out).toString(), calls };
};

export const tryParse = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};
