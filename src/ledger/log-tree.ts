// The growing right edge of one log: takes durable leaves in order, and says which tiles and bundles a checkpoint over them needs.
// Contract: full tiles stay listed until `written` confirms them, so a failed publication loses nothing. Holds at most one partial tile per level.
// Pure, in memory; never fails.

import { createFrontier, hashBytes, type Frontier } from './merkle.ts';
import { encodeBundle, entryPrefixBytes, tileWidth, type TileLevel, type TileName } from './tiles.ts';

export interface TileContent {
  readonly name: TileName;
  readonly bytes: Uint8Array;
}

export interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** What must be durable before `head` may be signed. */
export interface Edge {
  readonly head: Head;
  readonly tiles: readonly TileContent[];
  /** Bytes of all entries that were appended since the start. */
  readonly appendedBytes: number;
}

export interface LogTree {
  readonly origin: string;
  readonly size: () => number;
  readonly head: () => Head;
  /** Bytes of entries that no written edge holds yet. */
  readonly unwrittenBytes: () => number;
  readonly append: (leaf: Uint8Array, leafHash: Uint8Array) => void;
  readonly edge: () => Edge;
  /** The tiles of this edge are durable. */
  readonly written: (edge: Edge) => void;
  /** A tile that is held in memory, partial or waiting to be written, with at least `width` hashes; null when the disk has it. */
  readonly held: (name: TileName) => Uint8Array | null;
}

/** What a tree of `size` leaves looks like at its edge, as read from its last partial tiles. */
export interface EdgeState {
  readonly size: number;
  /** Roots of the perfect subtrees, largest first. */
  readonly frontier: readonly Uint8Array[];
  /** Hashes of the partial tile of each level, from level 0. */
  readonly partial: readonly (readonly Uint8Array[])[];
  readonly entries: readonly Uint8Array[];
}

const emptyEdge: EdgeState = { size: 0, frontier: [], partial: [], entries: [] };
const tileHeight = 8;

const tileBytes = (hashes: readonly Uint8Array[]): Uint8Array => Buffer.concat(hashes);

export const createLogTree = (origin: string, start: EdgeState = emptyEdge): LogTree => {
  const frontier: Frontier = createFrontier(start.size, start.frontier);
  const partial: Uint8Array[][] = start.partial.map((hashes) => [...hashes]);
  let entries: Uint8Array[] = [...start.entries];
  let full: TileContent[] = [];
  let appendedBytes = 0;
  let writtenBytes = 0;
  let partialWritten = start.size;

  const name = (level: TileLevel, end: number, width: number): TileName => ({ level, index: Math.ceil(end / tileWidth) - 1, width });

  const completed = (nodeLevel: number, index: number, nodeHash: Uint8Array): void => {
    if (nodeLevel % tileHeight !== 0) return;
    const level = nodeLevel / tileHeight;
    const hashes = (partial[level] ??= []);
    hashes.push(nodeHash);
    if (hashes.length < tileWidth) return;
    full.push({ name: name(level, index + 1, tileWidth), bytes: tileBytes(hashes) });
    partial[level] = [];
  };

  const partialTiles = (): TileContent[] => {
    const size = frontier.size();
    const tiles = partial.flatMap((hashes, level) =>
      hashes.length === 0 ? [] : [{ name: name(level, Math.floor(size / tileWidth ** level), hashes.length), bytes: tileBytes(hashes) }],
    );
    return entries.length === 0 ? tiles : [...tiles, { name: name('entries', size, entries.length), bytes: encodeBundle(entries) }];
  };

  const head = (): Head => ({ origin, size: frontier.size(), root: frontier.root() });

  return {
    origin,
    size: frontier.size,
    head,
    unwrittenBytes: () => appendedBytes - writtenBytes,
    append: (leaf, leafHash) => {
      frontier.append(leafHash, completed);
      appendedBytes += leaf.length + entryPrefixBytes + hashBytes;
      entries.push(leaf);
      if (entries.length < tileWidth) return;
      full.push({ name: name('entries', frontier.size(), tileWidth), bytes: encodeBundle(entries) });
      entries = [];
    },
    edge: () => ({ head: head(), tiles: [...full, ...(frontier.size() > partialWritten ? partialTiles() : [])], appendedBytes }),
    written: (edge) => {
      const done = new Set(edge.tiles);
      full = full.filter((tile) => !done.has(tile));
      partialWritten = edge.head.size;
      writtenBytes = edge.appendedBytes;
    },
    held: ({ level, index, width }) => {
      const waiting = full.find((tile) => tile.name.level === level && tile.name.index === index);
      if (waiting !== undefined) return waiting.bytes;
      if (level === 'entries') return null;
      const hashes = partial[level] ?? [];
      const current = Math.floor(Math.floor(frontier.size() / tileWidth ** level) / tileWidth);
      return index === current && hashes.length >= width ? tileBytes(hashes.slice(0, width)) : null;
    },
  };
};
