// Where a repository keeps others inside of it: the entries of its index that are commits (gitformat-index, versions 2 to 4).
// Git looks into each of them when it is asked what has changed, by the settings of that one.
// Null for an index that cannot be read whole, which is split over files or leaves entries out. Pure; never throws on any bytes.

const headerBytes = 12;
const modeAt = 24;
/** Behind ten numbers of four bytes. */
const idAt = 40;
const link = 0o160000;
const kindMask = 0o170000;
const extendedFlag = 0x4000;
const lengthMask = 0x0fff;

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/** How many bytes of the path before are not in this one (gitformat-pack, "offset encoding"). */
const dropped = (cursor: Cursor): number | null => {
  let byte = cursor.bytes[cursor.at++];
  if (byte === undefined) return null;
  let count = byte & 127;
  while (byte >= 128) {
    byte = cursor.bytes[cursor.at++];
    if (byte === undefined || count > 0xff_ffff) return null;
    count = (count + 1) * 128 + (byte & 127);
  }
  return count;
};

/** The path of the entry whose flags begin at the cursor; leaves the cursor behind the entry, which began at `start`. */
const pathOf = (cursor: Cursor, start: number, version: number, before: Buffer): Buffer | null => {
  const { bytes } = cursor;
  const flags = bytes.readUInt16BE(cursor.at);
  cursor.at += (flags & extendedFlag) === 0 ? 2 : 4;
  const kept = version === 4 ? dropped(cursor) : 0;
  const end = bytes.indexOf(0, cursor.at);
  if (kept === null || end === -1 || (version === 4 && kept > before.length)) return null;
  const rest = bytes.subarray(cursor.at, end);
  // Entries of the older versions are filled up to a multiple of eight, with one zero at least.
  cursor.at = version === 4 ? end + 1 : start + Math.ceil((end + 1 - start) / 8) * 8;
  const path = version === 4 ? Buffer.concat([before.subarray(0, before.length - kept), rest]) : rest;
  // Git believes the length where it fits into the flags, and the zero where it does not.
  return Math.min(path.length, lengthMask) === (flags & lengthMask) ? path : null;
};

/** Whether the extensions behind the entries say that there are more than these: in another file, or in folders that stand for all that is in them. */
const isPartial = ({ bytes, at }: Cursor, idBytes: number): boolean => {
  for (let place = at; place + 8 + idBytes <= bytes.length; place += 8 + bytes.readUInt32BE(place + 4))
    if (/^(?:link|sdir)$/.test(bytes.toString('latin1', place, place + 4))) return true;
  return false;
};

/** Paths below the work tree. `idBytes` is 20 (SHA-1) or 32 (SHA-256). */
export const linksIn = (bytes: Buffer, idBytes: 20 | 32): readonly Buffer[] | null => {
  if (bytes.length < headerBytes || bytes.toString('latin1', 0, 4) !== 'DIRC') return null;
  const [version, count] = [bytes.readUInt32BE(4), bytes.readUInt32BE(8)];
  if (version < 2 || version > 4) return null;
  const cursor: Cursor = { bytes, at: headerBytes };
  const links: Buffer[] = [];
  let path: Buffer = Buffer.alloc(0);
  for (let number = 0; number < count; number += 1) {
    const start = cursor.at;
    cursor.at = start + idAt + idBytes;
    if (cursor.at + 4 > bytes.length) return null;
    const found = pathOf(cursor, start, version, path);
    if (found === null) return null;
    path = found;
    if ((bytes.readUInt32BE(start + modeAt) & kindMask) === link) links.push(Buffer.from(path));
  }
  return isPartial(cursor, idBytes) ? null : links;
};
