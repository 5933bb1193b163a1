// Paths of tiles and bundles of entries: a line with the path, then the bytes of a bundle.
// A path that is read is written as the same path; a bundle that is read is made anew as the same bytes.

import assert from 'node:assert/strict';
import { decodeBundle, encodeBundle, parseTilePath, tilePath } from '../../../src/ledger/tiles.ts';
import type { Target } from '../target.ts';

const NEWLINE = 0x0a;

const check = (input: Uint8Array): void => {
  const newline = input.indexOf(NEWLINE);
  const path = Buffer.from(input.subarray(0, Math.max(0, newline))).toString();
  const bundle = input.subarray(newline + 1);
  const name = parseTilePath(path);
  if (name !== null) assert.equal(tilePath(name), path);
  for (const width of new Set([0, 1, 2, 256, name?.width ?? 3])) {
    const entries = decodeBundle(bundle, width);
    if ('problem' in entries) {
      assert.ok(entries.offset >= 0 && entries.offset <= bundle.length);
      continue;
    }
    assert.equal(entries.length, width);
    assert.deepEqual(Buffer.from(encodeBundle(entries)), Buffer.from(bundle));
  }
};

const bundleOf = (...texts: readonly string[]): Uint8Array => encodeBundle(texts.map((text) => Buffer.from(text)));

export const target: Target = {
  kind: 'bytes',
  bytesMax: 2_048,
  seeds: () =>
    (
      [
        ['tile/0/x001/234', bundleOf()],
        ['tile/entries/002.p/2', bundleOf('{"log_id":"1"}', '{"log_id":"2"}')],
        ['tile/63/000', bundleOf('')],
        ['tile/entries/x001/x002/003.p/255', bundleOf('a', 'b', 'c')],
      ] as const
    ).map(([path, bundle]) => Buffer.concat([Buffer.from(`${path}\n`), bundle])),
  words: ['tile/', 'entries/', '.p/', 'x001/', '\u0000\u0001'],
  check,
};
