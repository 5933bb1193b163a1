// A small log of 600 leaves as the writer would publish it, and ways to alter it: for the tests of the verifier.
// Built from the ledger's pure parts in memory; a path that is not there fails the test.

import assert from 'node:assert/strict';
import { createFrontier, leafHash, type Frontier } from '../src/ledger/merkle.ts';
import { checkpointText, createSigner, signNote } from '../src/ledger/note.ts';
import { encodeBundle, tilePath, tilesOfTree, tileWidth } from '../src/ledger/tiles.ts';
import { keyFor } from './fuzz/keys.ts';
import { verifyLedger, type LedgerFiles, type Verification, type VerifyOptions } from '../src/ledger/verifier.ts';

export type Folder = Map<string, Uint8Array>;

export const signer = createSigner('local', keyFor('ledger'));
export const origin = 'local/model/standard/2026q4';
export const logFolder = `logs/${origin}`;

export const filesOf = (folder: Folder): LedgerFiles => {
  const names = new Map<string, Set<string>>();
  for (const path of folder.keys()) {
    const parts = path.split('/');
    for (let depth = 0; depth < parts.length; depth += 1) {
      const parent = parts.slice(0, depth).join('/');
      names.set(parent, (names.get(parent) ?? new Set()).add(`${parts[depth]}${depth < parts.length - 1 ? '/' : ''}`));
    }
  }
  const lists = new Map([...names].map(([path, set]) => [path, [...set].toSorted()]));
  return { list: (path) => lists.get(path) ?? [], read: (path) => folder.get(path) ?? null };
};

/** The files of a log that holds `leaves`, as the writer would publish them. */
export const addLog = (folder: Folder, name: string, leaves: readonly Uint8Array[]): Frontier => {
  const rows = new Map<number, Uint8Array[]>();
  const frontier = createFrontier();
  for (const leaf of leaves) {
    frontier.append(leafHash(leaf), (level, _, node) => {
      if (level % 8 === 0) rows.set(level / 8, [...(rows.get(level / 8) ?? []), node]);
    });
  }
  for (const tile of tilesOfTree(leaves.length)) {
    const [from, to] = [tile.index * tileWidth, tile.index * tileWidth + tile.width];
    const bytes =
      tile.level === 'entries' ? encodeBundle(leaves.slice(from, to)) : Buffer.concat((rows.get(tile.level) ?? []).slice(from, to));
    folder.set(`logs/${name}/${tilePath(tile)}`, bytes);
  }
  const text = checkpointText({ origin: name, size: leaves.length, root: frontier.root() });
  folder.set(`logs/${name}/checkpoint`, Buffer.from(signNote(text, [signer])));
  folder.set('key.vkey', Buffer.from(`${signer.vkey}\n`));
  return frontier;
};

export const record = (members: object): Uint8Array => Buffer.from(JSON.stringify(members));
export const decision = (id: string, verdict = 'permit'): Uint8Array =>
  record({ decision: { mode: 'enforce', verdict }, kind: 'decision', log_id: id });
export const outcome = (id: string, of: string): Uint8Array => record({ decision_log_id: of, kind: 'outcome', log_id: id });

/** Small leaves, so that every bit of them can be flipped in a moment; some of the last are decisions with outcomes. */
const smallLeaf = (index: number): Uint8Array => {
  if (index > 512 && index % 40 === 7) return decision(`${index}`);
  return index > 512 && index % 40 === 9 ? outcome(`${index}`, `${index - 2}`) : record({ log_id: `${index}` });
};
export const leaves = Array.from({ length: 600 }, (_, index) => smallLeaf(index));
export const sound: Folder = new Map();
addLog(sound, origin, leaves);

export const verify = (folder: Folder, options: VerifyOptions = {}): Verification => verifyLedger(filesOf(folder), options);
export const changed = (folder: Folder, path: string, bytes: Uint8Array): Folder => new Map([...folder, [path, bytes]]);
export const without = (folder: Folder, path: string): Folder => new Map([...folder].filter(([name]) => name !== path));
export const bytesAt = (folder: Folder, path: string): Buffer => Buffer.from(folder.get(path) ?? assert.fail(path));
export const places = ({ problems }: Verification): string[] => problems.map(({ file, offset }) => `${file}@${offset}`);

/** Verifies `sound` again and again with some files changed; what did not change is not hashed again. */
export const againAndAgain = (): ((changes: ReadonlyMap<string, Uint8Array>) => Verification) => {
  const files = filesOf(sound);
  const remembered = { bundles: new WeakMap(), checkpoints: new WeakMap() };
  return (changes) => verifyLedger({ list: files.list, read: (name) => changes.get(name) ?? files.read(name) }, { remembered });
};

/** Flips each of the `bits` of each byte, one at a time, and demands exactly one problem, at the unit that `unitOf` gives. */
export const flipEach = (path: string, bits: readonly number[], unitOf: (at: number) => number): number => {
  const original = bytesAt(sound, path);
  const verifyWith = againAndAgain();
  const expect = (at: number, bit: number): void => {
    original[at] = (original[at] ?? 0) ^ (1 << bit);
    // An object of its own each time, because what was found is remembered by the object.
    const { ok, problems } = verifyWith(new Map([[path, original.subarray()]]));
    original[at] = (original[at] ?? 0) ^ (1 << bit);
    const isExact = !ok && problems.length === 1 && problems[0]?.file === path && problems[0].offset === unitOf(at);
    if (!isExact) assert.fail(`${path} byte ${at} bit ${bit}: ${JSON.stringify(problems)} instead of ${path}@${unitOf(at)}`);
  };
  for (let at = 0; at < original.length; at += 1) for (const bit of bits) expect(at, bit);
  return original.length * bits.length;
};
/** Offset of each entry of a bundle. */
export const entryOffsets = (bundle: Uint8Array): number[] => {
  const offsets: number[] = [];
  for (let offset = 0; offset < bundle.length; offset += 2 + (((bundle[offset] ?? 0) << 8) | (bundle[offset + 1] ?? 0)))
    offsets.push(offset);
  return offsets;
};

export const bundles = [...sound.keys()].filter((path) => path.includes('/tile/entries/'));
export const hashTiles = [...sound.keys()].filter((path) => /\/tile\/\d/.test(path));
