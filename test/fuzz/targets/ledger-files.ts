// One file of a sound ledger that somebody changed: it no longer verifies, unless it still says the same.
// Input: a line with the path of the file, then its bytes.

import assert from 'node:assert/strict';
import { isNoteProblem, openNote, parseVkey } from '../../../src/ledger/note.ts';
import { againAndAgain, origin, signer, sound } from '../../sound-ledger.ts';
import type { Target } from '../target.ts';

const verify = againAndAgain();
const original = verify(new Map());
const verifier = parseVkey(signer.vkey);

const check = (input: Uint8Array): void => {
  const newline = input.indexOf(0x0a);
  const path = Buffer.from(input.subarray(0, Math.max(0, newline))).toString();
  const bytes = Buffer.from(input.subarray(newline + 1));
  const before = sound.get(path);
  if (before === undefined) return;
  const { ok, problems, logs } = verify(new Map([[path, bytes]]));
  assert.equal(ok, problems.length === 0);
  for (const { what, offset } of problems) assert.ok(what.length > 0 && offset >= 0);
  if (!ok || bytes.equals(before)) return;
  assert.deepEqual(logs, original.logs, 'a changed file verifies as another log');
  assert.match(path, /checkpoint$|\.vkey$/, 'a changed file verifies');
  // Two readers that share no code agree about a note that is written otherwise, such as with another signature below it.
  if (path.endsWith('checkpoint')) assert.ok(!isNoteProblem(verifier) && !isNoteProblem(openNote(bytes, [verifier])), `${origin} is opened by one reader alone`);
}; // prettier-ignore

export const target: Target = {
  kind: 'bytes',
  bytesMax: 24_576,
  seeds: () => [...sound].map(([path, bytes]) => Buffer.concat([Buffer.from(`${path}\n`), bytes])),
  words: ['— ', '\n\n', 'log_id', '"kind":"decision"'],
  check,
};
