// Where a log keeps its hashes and entries: C2SP tlog-tiles (https://c2sp.org/tlog-tiles), byte for byte.
// Pure: paths and bytes only. Parsers answer null or a problem with its byte offset and never throw.

import { hashBytes, nodeHash, type HashSource } from './merkle.ts';

/** Hashes in a full tile, entries in a full bundle. */
export const tileWidth = 256;
/** Bytes of the length that stands before each entry of a bundle. */
export const entryPrefixBytes = 2;

/** Hash tiles have a level of 0 to 63; `entries` are the bundles beside level 0. */
export type TileLevel = number | 'entries';

export interface TileName {
  readonly level: TileLevel;
  readonly index: number;
  /** 256 for a full tile, 1 to 255 for a partial one. */
  readonly width: number;
}

/** Path of a tile below the log's folder, such as `tile/0/x001/234` or `tile/entries/002.p/7`. */
export const tilePath = ({ level, index, width }: TileName): string => {
  const elements = [String(index % 1_000).padStart(3, '0')];
  for (let rest = Math.floor(index / 1_000); rest > 0; rest = Math.floor(rest / 1_000)) {
    elements.unshift(`x${String(rest % 1_000).padStart(3, '0')}`);
  }
  return `tile/${level}/${elements.join('/')}${width === tileWidth ? '' : `.p/${width}`}`;
};

const tilePathForm = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** The tile that has this path, or null; a path that `tilePath` would write differently has no tile. */
export const parseTilePath = (path: string): TileName | null => {
  const [, level, elements, width] = tilePathForm.exec(path) ?? [];
  if (level === undefined || elements === undefined) return null;
  const name: TileName = {
    level: level === 'entries' ? level : Number(level),
    index: Number(elements.replaceAll(/[x/]/g, '')),
    width: width === undefined ? tileWidth : Number(width),
  };
  const possible = Number.isSafeInteger(name.index) && name.width <= tileWidth && (name.level === 'entries' || name.level < 64);
  return possible && tilePath(name) === path ? name : null;
};

/** Every tile and bundle that the tree of `size` leaves consists of, level by level; bundles last. */
export function* tilesOfTree(size: number): Generator<TileName> {
  const row = function* (level: TileLevel, hashes: number): Generator<TileName> {
    for (let index = 0; index * tileWidth < hashes; index += 1)
      yield { level, index, width: Math.min(tileWidth, hashes - index * tileWidth) };
  };
  let hashes = size;
  for (let level = 0; hashes > 0; level += 1) {
    yield* row(level, hashes);
    hashes = Math.floor(hashes / tileWidth);
  }
  yield* row('entries', size);
}

/** The tile that holds hash `position` of `level` in the tree of `size` leaves. */
export const tileHolding = (level: number, position: number, size: number): TileName => {
  const hashes = Math.floor(size / tileWidth ** level);
  const index = Math.floor(position / tileWidth);
  return { level, index, width: Math.min(tileWidth, hashes - index * tileWidth) };
};

/** The tree of `size` leaves as a hash source over its tiles; `readTile` answers the bytes of one tile. */
export const tileSource =
  (size: number, readTile: (name: TileName) => Uint8Array): HashSource =>
  (level, index) => {
    const tileLevel = Math.floor(level / 8);
    const count = 2 ** (level % 8);
    const name = tileHolding(tileLevel, index * count, size);
    const bytes = readTile(name);
    const start = (index * count) % tileWidth;
    if (bytes.length !== name.width * hashBytes || start + count > name.width) {
      throw new RangeError(`${tilePath(name)} does not hold node ${index} of level ${level} in a tree of ${size}`);
    }
    let row = Array.from({ length: count }, (_, at) => bytes.subarray((start + at) * hashBytes, (start + at + 1) * hashBytes));
    while (row.length > 1) row = row.flatMap((left, at) => (at % 2 === 0 ? [nodeHash(left, row[at + 1] ?? left)] : []));
    return row[0] ?? bytes;
  };

/** Entries one after the other, each behind its length as a big-endian uint16. Throws RangeError on an entry over 65,535 bytes. */
export const encodeBundle = (entries: readonly Uint8Array[]): Uint8Array => {
  const bundle = new Uint8Array(entries.reduce((bytes, entry) => bytes + entryPrefixBytes + entry.length, 0));
  const view = new DataView(bundle.buffer);
  let offset = 0;
  for (const entry of entries) {
    if (entry.length > 0xffff) throw new RangeError(`an entry of ${entry.length} bytes does not fit in a bundle`);
    view.setUint16(offset, entry.length);
    bundle.set(entry, offset + entryPrefixBytes);
    offset += entryPrefixBytes + entry.length;
  }
  return bundle;
};

export interface BundleProblem {
  readonly problem: string;
  readonly offset: number;
}

/** The `width` entries of a bundle, as views of its bytes. */
export const decodeBundle = (bundle: Uint8Array, width: number): readonly Uint8Array[] | BundleProblem => {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (entries.length < width) {
    const start = offset + entryPrefixBytes;
    const end = start <= bundle.length ? start + view.getUint16(offset) : Infinity;
    if (end > bundle.length) return { problem: `the bundle ends inside entry ${entries.length} of ${width}`, offset };
    entries.push(bundle.subarray(start, end));
    offset = end;
  }
  return offset === bundle.length ? entries : { problem: `bytes follow the last of ${width} entries`, offset };
};
