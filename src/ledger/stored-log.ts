// One published log as it lies on disk: its checkpoint, the edge of its tree, its entries.
// Every byte that is used is checked against the signed root; what does not fit is a problem with the file's name, never an exception.

import type { Disk } from '../disk/disk.ts';
import type { EdgeState, Head } from './log-tree.ts';
import { createFrontier, frontierHashes, hashBytes, leafHash, sameHash } from './merkle.ts';
import { isNoteProblem, openNote, parseCheckpoint, type NoteVerifier } from './note.ts';
import { decodeBundle, tilePath, tileSource, tileWidth, type TileLevel, type TileName } from './tiles.ts';

/** Why the ledger does not open: what is wrong and what to do, where. */
export interface LedgerProblem {
  readonly problem: string;
  readonly file?: string;
  readonly offset?: number;
}

export const isLedgerProblem = (value: object | null): value is LedgerProblem => value !== null && 'problem' in value;

/** Reads a tile, or the full one that has grown out of it; null when neither is there with enough bytes. */
export type TileReader = (name: TileName) => Promise<Uint8Array | null>;

export const tileReader =
  (disk: Disk, folder: string): TileReader =>
  async (name) => {
    const full = { ...name, width: tileWidth };
    for (const candidate of name.width === tileWidth ? [full] : [name, full]) {
      const bytes = await disk.readFile(`${folder}/${tilePath(candidate)}`);
      if (bytes === null) continue;
      if (name.level === 'entries') return bytes;
      if (bytes.length === candidate.width * hashBytes) return bytes.subarray(0, name.width * hashBytes);
    }
    return null;
  };

/** The last tile of each level that is not full in a tree of `size` leaves. */
const edgeNames = (size: number): TileName[] => {
  const names: TileName[] = [];
  for (let level = 0, hashes = size; hashes > 0; level += 1, hashes = Math.floor(hashes / tileWidth)) {
    if (hashes % tileWidth > 0) names.push({ level, index: Math.floor(hashes / tileWidth), width: hashes % tileWidth });
  }
  return names;
};

type Tiles = ReadonlyMap<string, Uint8Array>;

const readEdge = async (size: number, read: TileReader): Promise<{ readonly tiles: Tiles } | { readonly missing: TileName }> => {
  const tiles = new Map<string, Uint8Array>();
  for (const name of edgeNames(size)) {
    const bytes = await read(name);
    if (bytes === null) return { missing: name };
    tiles.set(tilePath(name), bytes);
  }
  return { tiles };
};

const frontierOf = (size: number, tiles: Tiles): Uint8Array[] =>
  frontierHashes(
    tileSource(size, (name) => tiles.get(tilePath(name)) ?? new Uint8Array(0)),
    size,
  );

/** Root of the first `size` leaves; null when a tile is missing. */
export const rootAt = async (size: number, read: TileReader): Promise<Uint8Array | null> => {
  const edge = await readEdge(size, read);
  return 'tiles' in edge ? createFrontier(size, frontierOf(size, edge.tiles)).root() : null;
};

const hashesIn = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.length / hashBytes }, (_, at) => bytes.subarray(at * hashBytes, (at + 1) * hashBytes));

/** Entries `[index * 256, index * 256 + width)` of a log. */
export const readEntries = async (
  disk: Disk,
  folder: string,
  index: number,
  width: number,
): Promise<readonly Uint8Array[] | LedgerProblem> => {
  for (const name of [
    { level: 'entries' as const, index, width },
    { level: 'entries' as const, index, width: tileWidth },
  ]) {
    const file = `${folder}/${tilePath(name)}`;
    const bytes = await disk.readFile(file);
    if (bytes === null) continue;
    const entries = decodeBundle(bytes, name.width);
    if ('problem' in entries) return { problem: `${entries.problem}: restore the file from a copy`, file, offset: entries.offset };
    return entries.slice(0, width);
  }
  return {
    problem: 'a published bundle is missing: restore it from a copy',
    file: `${folder}/${tilePath({ level: 'entries', index, width })}`,
  };
};

/** The signed head of the log in `folder`; null when it was never published. */
export const readHead = async (
  disk: Disk,
  folder: string,
  origin: string,
  verifier: NoteVerifier,
): Promise<Head | LedgerProblem | null> => {
  const file = `${folder}/checkpoint`;
  const bytes = await disk.readFile(file);
  if (bytes === null) return null;
  const note = openNote(bytes, [verifier]);
  const checkpoint = isNoteProblem(note) ? note : parseCheckpoint(note.text);
  if (isNoteProblem(checkpoint)) return { problem: `${checkpoint.problem}: restore the checkpoint, or the key that signed it`, file };
  if (checkpoint.origin !== origin) return { problem: `this checkpoint is of the log ${checkpoint.origin}`, file };
  return checkpoint;
};

/** The edge of the tree under `head`, checked against its root. */
export const readEdgeState = async (disk: Disk, folder: string, head: Head): Promise<EdgeState | LedgerProblem> => {
  const edge = await readEdge(head.size, tileReader(disk, folder));
  if ('missing' in edge) {
    return {
      problem: 'a tile under the signed checkpoint is missing or damaged: restore it from a copy',
      file: `${folder}/${tilePath(edge.missing)}`,
    };
  }
  const { tiles } = edge;
  const frontier = frontierOf(head.size, tiles);
  if (!sameHash(createFrontier(head.size, frontier).root(), head.root)) {
    const problem =
      'the last tiles do not have the root that the checkpoint signs: `sealwright audit verify` names the one; restore it from a copy';
    return { problem, file: `${folder}/tile` };
  }
  const partial: Uint8Array[][] = [];
  for (const name of edgeNames(head.size)) partial[Number(name.level)] = hashesIn(tiles.get(tilePath(name)) ?? new Uint8Array(0));
  const width = head.size % tileWidth;
  const index = Math.floor(head.size / tileWidth);
  const entries = width === 0 ? [] : await readEntries(disk, folder, index, width);
  if (isLedgerProblem(entries)) return entries;
  const wrong = entries.findIndex((entry, at) => !sameHash(leafHash(entry), partial[0]?.[at] ?? new Uint8Array(0)));
  if (wrong >= 0) {
    const file = `${folder}/${tilePath({ level: 'entries', index, width })}`;
    return { problem: `entry ${wrong} of this bundle does not have the hash in its tile: restore the file from a copy`, file };
  }
  return { size: head.size, frontier, partial: Array.from(partial, (hashes) => hashes ?? []), entries };
};

/** Removes partial tiles whose full tile is published: a crash may have come between. They lie beside the last full ones. */
export const removeOutgrown = async (disk: Disk, folder: string, size: number): Promise<void> => {
  const rows: [TileLevel, number][] = [['entries', size]];
  for (let level = 0, hashes = size; hashes >= tileWidth; level += 1, hashes = Math.floor(hashes / tileWidth)) rows.push([level, hashes]);
  for (const [level, hashes] of rows) {
    const full = Math.floor(hashes / tileWidth);
    if (full === 0) continue;
    const last = `${folder}/${tilePath({ level, index: full - 1, width: tileWidth })}`;
    const beside = last.slice(0, last.lastIndexOf('/'));
    const outgrown = (await disk.list(beside)).filter((name) => name.endsWith('.p') && `${beside}/${name}` <= `${last}.p`);
    for (const name of outgrown) await disk.remove(`${beside}/${name}`);
  }
};
