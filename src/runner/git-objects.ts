// Reads commits out of a repository's own object files: loose objects, and packs through their index (gitformat-pack, index version 2).
// Every object is checked against its name. Sizes, chains and the number of reads are bounded; alternates, replacements and grafts are ignored.
// Bytes that do not hold together throw `MalformedRepository`, which `git-facts.ts` turns into a reason.

import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../core/limits.ts';
import { isUnreadable, openRegular, readSmall } from './bounded-file.ts';
import type { OpenFile } from './bounded-file.ts';
import { newHash } from './hashing.ts';

/** The repository does not hold together, or asks for more work than its bound. Never leaves `runner/`. */
export class MalformedRepository extends Error {
  override readonly name = 'MalformedRepository';
}

export interface Commit {
  readonly parents: readonly string[];
  /** Seconds since 1970, as the committer's line claims. */
  readonly committed: number;
}

export interface CommitStore {
  /** The commit of that name, or null when these object files do not have it. */
  readonly find: (id: string) => Commit | null;
  readonly close: () => void;
}

interface Pack {
  readonly index: OpenFile;
  readonly data: OpenFile;
  readonly count: number;
  readonly idBytes: number;
}

type Reads = { left: number };
const pageBytes = 4_096;

const malformed = (problem: string): never => {
  throw new MalformedRepository(problem);
};

/** Each read counts, and a long one as often as it has pages: the work is bounded, not only the number of reads. */
const spend = (reads: Reads, bytes = 0): void => {
  reads.left -= 1 + bytes / pageBytes;
  if (reads.left < 0) malformed(`finding its commits takes more than ${limits.gitReadsCount} reads`);
};

const readExactly = (file: OpenFile, offset: number, count: number, reads: Reads): Buffer => {
  spend(reads);
  const bytes = file.read(offset, count);
  return bytes.length === count ? bytes : malformed('a file of the repository ends too early');
};

const inflated = (bytes: Buffer, bytesMax: number, reads: Reads): Buffer => {
  let content: Buffer;
  try {
    content = process.getBuiltinModule('node:zlib').inflateSync(bytes, { maxOutputLength: Math.max(bytesMax, 1) });
  } catch {
    return malformed('an object does not decompress within its bound');
  }
  spend(reads, content.length);
  return content;
};

/** Where each table of an index begins: after magic, version and 256 counts (gitformat-pack, "version 2 pack-*.idx"). */
const fanoutAt = 8;
const namesAt = fanoutAt + 256 * 4;

const offsetInPack = (pack: Pack, id: Buffer, reads: Reads): number | null => {
  const { index, count, idBytes } = pack;
  const first = id[0] ?? 0;
  let low = first === 0 ? 0 : readExactly(index, fanoutAt + (first - 1) * 4, 4, reads).readUInt32BE(0);
  let high = Math.min(readExactly(index, fanoutAt + first * 4, 4, reads).readUInt32BE(0), count);
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = id.compare(readExactly(index, namesAt + middle * idBytes, idBytes, reads));
    if (order === 0) {
      const offsetsAt = namesAt + count * (idBytes + 4);
      const small = readExactly(index, offsetsAt + middle * 4, 4, reads).readUInt32BE(0);
      if (small < 0x8000_0000) return small;
      const large = readExactly(index, offsetsAt + count * 4 + (small - 0x8000_0000) * 8, 8, reads).readBigUInt64BE(0);
      return large <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(large) : malformed('an index points beyond its pack');
    }
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return null;
};

interface Entry {
  readonly type: number;
  readonly content: Buffer;
  /** Offset of the base in this pack, or its name; null for a whole object. */
  readonly base: number | Buffer | null;
}

const offsetDelta = 6;
const namedDelta = 7;
const commitType = 1;

/** The longest entry header: ten bytes of size, then ten of offset or a name. */
const headerBytes = 64;

const readEntry = (pack: Pack, offset: number, reads: Reads): Entry => {
  spend(reads);
  const header = pack.data.read(offset, headerBytes);
  let at = 0;
  const next = (): number => header[at++] ?? malformed('a pack ends inside an entry');
  let byte = next();
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let scale = 16; byte >= 128; scale *= 128) {
    byte = next();
    size += (byte & 127) * scale;
    if (size > limits.gitCommitBytes) malformed('an object is larger than any commit');
  }
  let base: number | Buffer | null = null;
  if (type === offsetDelta) {
    byte = next();
    let distance = byte & 127;
    while (byte >= 128) {
      byte = next();
      distance = (distance + 1) * 128 + (byte & 127);
    }
    if (distance === 0 || distance > offset) malformed('a delta points outside its pack');
    base = offset - distance;
  } else if (type === namedDelta) {
    base = Buffer.from(header.subarray(at, at + pack.idBytes));
    at += pack.idBytes;
  }
  spend(reads);
  // Deflate may lengthen what it cannot shorten, by far less than this.
  const content = inflated(pack.data.read(offset + at, size + (size >> 6) + 1_024), size, reads);
  return content.length === size ? { type, content, base } : malformed('an object has another size than it says');
};

/** `delta` applied to `base` (gitformat-pack, "Deltified representation"). */
const applyDelta = (base: Buffer, delta: Buffer): Buffer => {
  let at = 0;
  const next = (): number => delta[at++] ?? malformed('a delta ends too early');
  const number = (): number => {
    let value = 0;
    let byte = 128;
    for (let scale = 1; byte >= 128; scale *= 128) {
      byte = next();
      value += (byte & 127) * scale;
      if (value > limits.gitCommitBytes) malformed('an object is larger than any commit');
    }
    return value;
  };
  if (number() !== base.length) malformed('a delta belongs to another base');
  const size = number();
  const result = Buffer.alloc(size);
  let filled = 0;
  const put = (from: Buffer, start: number, length: number): void => {
    if (start + length > from.length || filled + length > size) malformed('a delta copies from outside its base');
    filled += from.copy(result, filled, start, start + length);
  };
  while (at < delta.length) {
    const command = next();
    if (command === 0) malformed('a delta uses a reserved command');
    if (command < 128) {
      put(delta, at, command);
      at += command;
      continue;
    }
    let start = 0;
    let length = 0;
    for (let bit = 0; bit < 4; bit++) if (command & (1 << bit)) start += next() * 256 ** bit;
    for (let bit = 0; bit < 3; bit++) if (command & (16 << bit)) length += next() * 256 ** bit;
    put(base, start, length === 0 ? 0x1_0000 : length);
  }
  return filled === size ? result : malformed('a delta does not fill its object');
};

const openPack = (folder: string, name: string, idBytes: number, reads: Reads): Pack | null => {
  const index = openRegular(join(folder, name));
  if (isUnreadable(index)) return null;
  const data = openRegular(join(folder, `${name.slice(0, -'.idx'.length)}.pack`));
  if (isUnreadable(data)) {
    index.close();
    return null;
  }
  try {
    const head = readExactly(index, 0, namesAt, reads);
    if (head.readUInt32BE(0) !== 0xff74_4f63 || head.readUInt32BE(4) !== 2) malformed('a pack index is not of version 2');
    return { index, data, count: head.readUInt32BE(namesAt - 4), idBytes };
  } catch (error) {
    index.close();
    data.close();
    throw error;
  }
};

const closePacks = (packs: readonly Pack[]): void => {
  for (const { index, data } of packs) {
    index.close();
    data.close();
  }
};

const openPacks = (objects: string, idBytes: number, reads: Reads): readonly Pack[] => {
  const folder = join(objects, 'pack');
  let names: readonly string[];
  try {
    if (realpathSync(folder) !== folder) return [];
    names = readdirSync(folder).filter((name) => name.endsWith('.idx'));
  } catch {
    return [];
  }
  if (names.length > limits.gitPacksCount) malformed(`it has more than ${limits.gitPacksCount} packs`);
  const packs: Pack[] = [];
  try {
    for (const name of names) {
      const pack = openPack(folder, name, idBytes, reads);
      if (pack !== null) packs.push(pack);
    }
    return packs;
  } catch (error) {
    closePacks(packs);
    throw error;
  }
};

const parseCommit = (content: Buffer, idBytes: number): Commit => {
  const parents: string[] = [];
  let committed = 0;
  for (const line of content.toString('latin1').split('\n')) {
    if (line === '') break;
    if (line.startsWith('parent ')) parents.push(line.slice('parent '.length));
    if (line.startsWith('committer ')) committed = Number(/ (\d{1,15}) [+-]\d{4}$/.exec(line)?.[1] ?? 0);
  }
  if (parents.some((parent) => parent.length !== idBytes * 2 || /[^0-9a-f]/.test(parent))) malformed('a commit names no parent by its id');
  return { parents, committed };
};

/** The commits in `objects`, a folder whose path is resolved. `idBytes` is 20 (SHA-1) or 32 (SHA-256). */
export const openCommitStore = (objects: string, idBytes: 20 | 32): CommitStore => {
  const reads: Reads = { left: limits.gitReadsCount };
  const packs = openPacks(objects, idBytes, reads);

  const looseObject = (id: string): Buffer | null => {
    spend(reads);
    const bytes = readSmall(join(objects, id.slice(0, 2), id.slice(2)), limits.gitCommitBytes);
    if (isUnreadable(bytes)) return bytes.missing ? null : malformed(`an object file is ${bytes.unreadable}`);
    const object = inflated(bytes, limits.gitCommitBytes, reads);
    const end = object.indexOf(0);
    const header = object.subarray(0, Math.max(end, 0)).toString('latin1');
    const content = object.subarray(end + 1);
    return header === `commit ${content.length}` ? content : malformed('what should be a commit is something else');
  };

  const whereIs = (id: Buffer): { readonly pack: Pack; readonly offset: number } | null => {
    for (const pack of packs) {
      const offset = offsetInPack(pack, id, reads);
      if (offset !== null) return { pack, offset };
    }
    return null;
  };

  const packedObject = (id: string): Buffer | null => {
    let place = whereIs(Buffer.from(id, 'hex'));
    if (place === null) return null;
    const deltas: Buffer[] = [];
    let whole: Buffer | null = null;
    while (whole === null) {
      const entry: Entry = readEntry(place.pack, place.offset, reads);
      if (entry.base === null) {
        whole = entry.type === commitType ? entry.content : malformed('what should be a commit is something else');
        continue;
      }
      deltas.push(entry.content);
      if (deltas.length > limits.gitDeltasCount) malformed(`an object is built from more than ${limits.gitDeltasCount} deltas`);
      if (typeof entry.base === 'number') place = { pack: place.pack, offset: entry.base };
      else place = whereIs(entry.base) ?? malformed('the base of a delta is missing');
    }
    return deltas.reduceRight((base, delta) => {
      spend(reads, base.length);
      return applyDelta(base, delta);
    }, whole);
  };

  return {
    find: (id) => {
      const content = looseObject(id) ?? packedObject(id);
      if (content === null) return null;
      const hash = newHash(idBytes === 20 ? 'sha1' : 'sha256').update(`commit ${content.length}\0`);
      if (hash.update(content).digest('hex') !== id) malformed('an object is not what its name says');
      return parseCommit(content, idBytes);
    },
    close: () => closePacks(packs),
  };
};
