// Writes packs of a git repository with their index, version 2, as gitformat-pack(5) says; for tests, which may give them entries that git would not.
// Contract: writes what it is given; checks nothing, and puts no checksums, which nothing here reads.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

export interface PackEntry {
  readonly id: string;
  readonly type: number;
  readonly content: Buffer;
  /** What stands between header and content, told the offset of this entry and of every entry before it. */
  readonly between?: (at: number, offsets: ReadonlyMap<string, number>) => Buffer;
}

const entryHeader = (type: number, size: number): Buffer => {
  const bytes = [(type << 4) | (size & 15)];
  for (let rest = size >>> 4; rest > 0; rest >>>= 7) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 128;
    bytes.push(rest & 127);
  }
  return Buffer.from(bytes);
};

export const writePack = (objects: string, name: string, entries: readonly PackEntry[], largeOffsets = false): void => {
  const parts: Buffer[] = [Buffer.from('PACK\0\0\0\x02'), Buffer.alloc(4)];
  const offsets = new Map<string, number>();
  let at = 12;
  for (const { id, type, content, between } of entries) {
    const bytes = Buffer.concat([entryHeader(type, content.length), between?.(at, offsets) ?? Buffer.alloc(0), deflateSync(content)]);
    offsets.set(id, at);
    at += bytes.length;
    parts.push(bytes);
  }
  const ids = [...offsets.keys()].toSorted();
  const word = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value >>> 0);
    return bytes;
  };
  const offsetOf = (id: string): number => offsets.get(id) ?? 0;
  const index: Buffer[] = [Buffer.from([0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2])];
  for (let first = 0; first < 256; first++) index.push(word(ids.filter((id) => Number.parseInt(id.slice(0, 2), 16) <= first).length));
  for (const id of ids) index.push(Buffer.from(id, 'hex'));
  index.push(Buffer.alloc(4 * ids.length));
  for (const [place, id] of ids.entries()) index.push(word(largeOffsets ? 0x8000_0000 + place : offsetOf(id)));
  if (largeOffsets) for (const id of ids) index.push(word(0), word(offsetOf(id)));
  writeFileSync(join(objects, 'pack', `${name}.idx`), Buffer.concat(index));
  writeFileSync(join(objects, 'pack', `${name}.pack`), Buffer.concat(parts));
};
