// What tells one state of a file from another without reading it: device, inode, size and times, exact, as decimal digits.
// Pure. Anyone may set the time of modification; the time of change only the system sets, so it says whether a file is settled.

import { limits } from './limits.ts';

export interface FileFacts {
  readonly device: string;
  readonly inode: string;
  readonly sizeBytes: string;
  /** Nanoseconds since the Unix epoch. */
  readonly modifiedNs: string;
  readonly changedNs: string;
}

/** As the control plane carries them. */
export interface FileFactsBody {
  readonly device: string;
  readonly inode: string;
  readonly size_bytes: string;
  readonly modified_ns: string;
  readonly changed_ns: string;
}

export const bodyOfFacts = ({ device, inode, sizeBytes, modifiedNs, changedNs }: FileFacts): FileFactsBody => ({
  device,
  inode,
  size_bytes: sizeBytes,
  modified_ns: modifiedNs,
  changed_ns: changedNs,
});

/** One text for one number: neither leading zeros nor more digits than 64 bits need. */
const isDecimal = (value: unknown): value is string => typeof value === 'string' && /^(?:0|-?[1-9]\d{0,19})$/.test(value);

/** The facts in a body; null where one is missing or is no whole number in decimal digits. Other members are not looked at. */
export const factsOfBody = (body: Readonly<Record<string, unknown>>): FileFacts | null => {
  const { device, inode, size_bytes: sizeBytes, modified_ns: modifiedNs, changed_ns: changedNs } = body;
  if (!isDecimal(device) || !isDecimal(inode) || !isDecimal(sizeBytes) || !isDecimal(modifiedNs) || !isDecimal(changedNs)) return null;
  return { device, inode, sizeBytes, modifiedNs, changedNs };
};

/** SHA-256 in hexadecimal. */
export const isSha256 = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

/** False for a file that changed so lately that it could change again within the same tick of its file system's clock. */
export const isSettled = ({ changedNs }: FileFacts, wallMs: number): boolean =>
  BigInt(changedNs) <= BigInt(Math.floor(wallMs) - limits.fileSettledMs) * 1_000_000n;
