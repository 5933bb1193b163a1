// The bytes of one commit in the journal: header, one frame head per leaf, the leaves, trailer; padded to a sector, so that no write touches an older batch.
// The trailer's SHA-256 covers header and heads, and the heads hold each leaf's hash: one flipped bit anywhere is seen.
// Pure. Reading answers data for any bytes and never throws. Leaves are JSON, so no leaf can hold a mark: JSON escapes control characters.

import { crc32 } from 'node:zlib';
import { hashBytes, leafHash, sameHash, sha256 } from './merkle.ts';

/** What a disk writes whole or not at all. Each batch starts at a multiple of it. */
export const sectorBytes = 512;

const headerMark = Buffer.from('\u0000\u0001SealBatch\u0002\u0003\u0000\u001f\n', 'latin1');
const headMark = Buffer.from('\u0000\u0001Leaf\u001f\u0002', 'latin1');
const trailerMark = Buffer.from('\u0000\u0004SealCommit\u0005\u0000\u001f\n', 'latin1');

// header: mark 16, count u32, bytes of heads u32, bytes of leaves u32, first LSN u64, CRC-32 of these u32
const headerBytes = 40;
// head: mark 8, first LSN of the batch u64, index in the log u64, bytes of the leaf u16, bytes of the origin u8, 0 u8, CRC-32 of these u32, leaf hash 32, origin
const headFixedBytes = 64;
// trailer: mark 16, count u32, SHA-256 of header and heads
const trailerBytes = 16 + 4 + hashBytes;
const originBytesMax = 255;

export interface BatchEntry {
  readonly origin: string;
  /** Index of the leaf in the log of that origin. */
  readonly index: number;
  readonly leaf: Uint8Array;
  readonly leafHash: Uint8Array;
}

export interface Batch {
  readonly firstLsn: number;
  readonly entries: readonly BatchEntry[];
  /** With padding. */
  readonly bytes: number;
}

const padded = (bytes: number): number => Math.ceil(bytes / sectorBytes) * sectorBytes;

/** Bytes that one entry adds to a batch. */
export const entryBytes = (origin: string, leafBytes: number): number => headFixedBytes + Buffer.byteLength(origin) + leafBytes;

/** Bytes of a batch whose entries add up to `entriesBytes`. */
export const batchBytes = (entriesBytes: number): number => padded(headerBytes + entriesBytes + trailerBytes);

/** The batch as it is written. Throws RangeError on an origin over 255 bytes. */
export const encodeBatch = (firstLsn: number, entries: readonly BatchEntry[]): Uint8Array => {
  const headsBytes = entries.reduce((bytes, { origin }) => bytes + headFixedBytes + Buffer.byteLength(origin), 0);
  const leavesBytes = entries.reduce((bytes, { leaf }) => bytes + leaf.length, 0);
  const buffer = Buffer.alloc(batchBytes(headsBytes + leavesBytes));
  headerMark.copy(buffer);
  buffer.writeUInt32BE(entries.length, 16);
  buffer.writeUInt32BE(headsBytes, 20);
  buffer.writeUInt32BE(leavesBytes, 24);
  buffer.writeBigUInt64BE(BigInt(firstLsn), 28);
  buffer.writeUInt32BE(crc32(buffer.subarray(0, headerBytes - 4)), headerBytes - 4);
  let head = headerBytes;
  let body = headerBytes + headsBytes;
  for (const { origin, index, leaf, leafHash } of entries) {
    const start = head;
    headMark.copy(buffer, start);
    buffer.copy(buffer, start + 8, 28, 36);
    buffer.writeUInt32BE(Math.floor(index / 2 ** 32), start + 16);
    buffer.writeUInt32BE(index % 2 ** 32, start + 20);
    buffer.writeUInt16BE(leaf.length, start + 24);
    const originLength = buffer.write(origin, start + headFixedBytes);
    if (originLength > originBytesMax) throw new RangeError('an origin has at most 255 bytes');
    buffer.writeUInt16BE(originLength * 256, start + 26);
    buffer.writeUInt32BE(crc32(buffer.subarray(start, start + 28)), start + 28);
    buffer.set(leafHash, start + 32);
    buffer.set(leaf, body);
    head += headFixedBytes + originLength;
    body += leaf.length;
  }
  trailerMark.copy(buffer, body);
  buffer.writeUInt32BE(entries.length, body + 16);
  buffer.set(sha256(buffer.subarray(0, headerBytes + headsBytes)), body + 20);
  return buffer;
};

interface Header {
  readonly count: number;
  readonly headsBytes: number;
  readonly leavesBytes: number;
  readonly firstLsn: number;
}

const readHeader = (buffer: Buffer, at: number): Header | null => {
  if (at + headerBytes > buffer.length || buffer.compare(headerMark, 0, 16, at, at + 16) !== 0) return null;
  if (crc32(buffer.subarray(at, at + headerBytes - 4)) !== buffer.readUInt32BE(at + headerBytes - 4)) return null;
  return {
    count: buffer.readUInt32BE(at + 16),
    headsBytes: buffer.readUInt32BE(at + 20),
    leavesBytes: buffer.readUInt32BE(at + 24),
    firstLsn: Number(buffer.readBigUInt64BE(at + 28)),
  };
};

interface Head {
  readonly batchLsn: number;
  readonly index: number;
  readonly leafBytes: number;
  readonly originBytes: number;
}

const readHead = (buffer: Buffer, at: number): Head | null => {
  if (at + headFixedBytes > buffer.length || buffer.compare(headMark, 0, 8, at, at + 8) !== 0) return null;
  if (crc32(buffer.subarray(at, at + 28)) !== buffer.readUInt32BE(at + 28)) return null;
  return {
    batchLsn: Number(buffer.readBigUInt64BE(at + 8)),
    index: Number(buffer.readBigUInt64BE(at + 16)),
    leafBytes: buffer.readUInt16BE(at + 24),
    originBytes: buffer.readUInt8(at + 26),
  };
};

/** Why there is no whole batch where one begins. `entries` is what its header promised, where the header can be read. */
export interface BatchProblem {
  readonly problem: string;
  readonly entries: number | null;
}

const readEntries = (buffer: Buffer, at: number, header: Header): readonly BatchEntry[] | string => {
  const headsEnd = at + headerBytes + header.headsBytes;
  const entries: BatchEntry[] = [];
  let head = at + headerBytes;
  let body = headsEnd;
  for (let number = 0; number < header.count; number += 1) {
    const found = readHead(buffer, head);
    if (found === null || found.batchLsn !== header.firstLsn) return `frame ${number} is damaged`;
    const originStart = head + headFixedBytes;
    const leaf = buffer.subarray(body, body + found.leafBytes);
    const expected = buffer.subarray(head + 32, head + 32 + hashBytes);
    if (!sameHash(leafHash(leaf), expected)) return `leaf ${number} does not have the hash in its frame`;
    entries.push({
      origin: buffer.toString('utf8', originStart, originStart + found.originBytes),
      index: found.index,
      leaf,
      leafHash: expected,
    });
    head = originStart + found.originBytes;
    body += found.leafBytes;
  }
  return head === headsEnd && body === headsEnd + header.leavesBytes ? entries : 'the frames do not add up';
};

/** The batch at `at`, which must be the one that begins with `firstLsn`. Leaves are views of `buffer`. */
export const readBatch = (buffer: Buffer, at: number, firstLsn: number): Batch | BatchProblem => {
  const header = readHeader(buffer, at);
  if (header === null) return { problem: 'the header of a batch cannot be read', entries: null };
  if (header.firstLsn !== firstLsn)
    return { problem: `the batch begins with LSN ${header.firstLsn} instead of ${firstLsn}`, entries: header.count };
  const bytes = batchBytes(header.headsBytes + header.leavesBytes);
  if (at + bytes > buffer.length) return { problem: 'the batch reaches past the end of its segment', entries: header.count };
  const trailer = at + headerBytes + header.headsBytes + header.leavesBytes;
  const whole =
    buffer.compare(trailerMark, 0, 16, trailer, trailer + 16) === 0 &&
    buffer.readUInt32BE(trailer + 16) === header.count &&
    sameHash(sha256(buffer.subarray(at, at + headerBytes + header.headsBytes)), buffer.subarray(trailer + 20, trailer + 20 + hashBytes));
  if (!whole) return { problem: 'the trailer of the batch does not verify', entries: header.count };
  if (buffer.subarray(trailer + trailerBytes, at + bytes).some((byte) => byte !== 0)) {
    return { problem: 'bytes stand between the batch and the next sector', entries: header.count };
  }
  const entries = readEntries(buffer, at, header);
  return typeof entries === 'string' ? { problem: entries, entries: header.count } : { firstLsn, entries, bytes };
};

export const isBatchProblem = (read: Batch | BatchProblem): read is BatchProblem => 'problem' in read;

const placesOf = function* (buffer: Buffer, mark: Buffer, from: number): Generator<number> {
  for (let at = buffer.indexOf(mark, from); at >= 0; at = buffer.indexOf(mark, at + 1)) yield at;
};

/** Offset of the first header or frame at or after `from` that belongs to another batch than the one that begins with `firstLsn`; null when there is none. */
export const foreignFrame = (buffer: Buffer, from: number, firstLsn: number | null): number | null => {
  for (const at of placesOf(buffer, headerMark, from)) {
    const header = readHeader(buffer, at);
    if (header !== null && header.firstLsn !== firstLsn) return at;
  }
  for (const at of placesOf(buffer, headMark, from)) {
    const head = readHead(buffer, at);
    if (head !== null && head.batchLsn !== firstLsn) return at;
  }
  return null;
};

/** Offset behind the last byte that is not zero. */
export const writtenBytes = (buffer: Buffer): number => {
  const step = 64 * 1024;
  const zeros = Buffer.alloc(step);
  let end = buffer.length;
  while (end > 0) {
    const start = Math.max(0, end - step);
    if (buffer.compare(zeros, 0, end - start, start, end) !== 0) break;
    end = start;
  }
  while (end > 0 && buffer[end - 1] === 0) end -= 1;
  return end;
};
