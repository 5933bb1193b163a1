// Objects and packs of a repository that nobody trusts: whatever lies there, a commit is what its name says, or there is none.
// Input: a letter for the file that the rest is: `L` a loose object, `O` one before it is compressed, `C` a commit, `I` an index, `P` a pack, `D` a delta.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { Commit } from '../../../src/runner/git-objects.ts';
import { MalformedRepository, openCommitStore } from '../../../src/runner/git-objects.ts';
import { writePack } from '../../git-pack.ts';
import { emptyRepository } from '../repository.ts';
import type { Target } from '../target.ts';

const commitOf = (parents: readonly string[], time: number): Buffer =>
  Buffer.from(
    `tree ${'0'.repeat(40)}\n${parents.map((parent) => `parent ${parent}\n`).join('')}author A <a@example.org> 1 +0000\ncommitter A <a@example.org> ${time} +0100\n\nx\n`,
  );
const objectOf = (content: Uint8Array): Buffer => Buffer.concat([Buffer.from(`commit ${content.length}\0`), content]);
const idOf = (content: Uint8Array): string => createHash('sha1').update(objectOf(content)).digest('hex');

const objects = join(emptyRepository('objects'), '.git/objects');
const first = commitOf([], 10);
const second = commitOf([idOf(first)], 20);
const known: ReadonlyMap<string, Commit> = new Map([
  [idOf(first), { parents: [], committed: 10 }],
  [idOf(second), { parents: [idOf(first)], committed: 20 }],
]);
const commitType = 1;
const namedDelta = 7;
/** Copies the whole of the base and changes nothing. */
const copying = Buffer.from([first.length & 127 | 128, first.length >> 7, first.length & 127 | 128, first.length >> 7, 0b1001_0000, first.length]); // prettier-ignore

const entriesWith = (delta: Buffer) => [
  { id: idOf(first), type: commitType, content: first },
  { id: idOf(second), type: commitType, content: second },
  { id: 'f'.repeat(40), type: namedDelta, content: delta, between: () => Buffer.from(idOf(first), 'hex') },
];
const packed = (name: string): Buffer => readFileSync(join(objects, 'pack', name));
writePack(objects, 'p', entriesWith(copying));
const [index, pack] = [packed('p.idx'), packed('p.pack')];
const idsAsked = [...known.keys(), 'f'.repeat(40), '0'.repeat(40)];

const writeLoose = (id: string, bytes: Uint8Array): void => {
  mkdirSync(join(objects, id.slice(0, 2)), { recursive: true });
  writeFileSync(join(objects, id.slice(0, 2), id.slice(2)), bytes);
};

const find = (id: string): Commit | null => {
  let store: ReturnType<typeof openCommitStore> | null = null;
  try {
    store = openCommitStore(objects, 20);
    return store.find(id);
  } catch (error) {
    assert.ok(error instanceof MalformedRepository, error instanceof Error ? (error.stack ?? error.message) : 'thrown');
    return null;
  } finally {
    store?.close();
  }
};

/** As git reads the header of a commit, line by line. */
const plainly = (content: string): Commit => {
  const header = content.split('\n\n', 1)[0]?.split('\n') ?? [];
  return {
    parents: header.flatMap((line) => (/^parent [0-9a-f]{40}$/.test(line) ? [line.slice(7)] : [])),
    committed: Number(header.findLast((line) => line.startsWith('committer '))?.match(/ (\d{1,15}) [+-]\d{4}$/)?.[1] ?? 0),
  };
};

const loose = 'e'.repeat(40);

const check = (input: Uint8Array): void => {
  const kind = String.fromCharCode(input[0] ?? 0);
  const bytes = Buffer.from(input.subarray(1));
  writeFileSync(join(objects, 'pack/p.idx'), kind === 'I' ? bytes : index);
  writeFileSync(join(objects, 'pack/p.pack'), kind === 'P' ? bytes : pack);
  if (kind === 'D') writePack(objects, 'p', entriesWith(bytes));
  writeLoose(loose, kind === 'L' ? bytes : deflateSync(bytes));
  if (kind === 'L' || kind === 'O') assert.equal(find(loose), null, 'an object is taken under a name that is not its own');
  if (kind === 'C') {
    const id = idOf(bytes);
    writeLoose(id, deflateSync(objectOf(bytes)));
    const commit = find(id);
    if (commit !== null) assert.deepEqual(commit, plainly(bytes.toString('latin1')));
    writeFileSync(join(objects, id.slice(0, 2), id.slice(2)), '');
  }
  if (kind === 'I' || kind === 'P' || kind === 'D') {
    for (const id of idsAsked) {
      const commit = find(id);
      if (commit !== null) assert.deepEqual(commit, known.get(id), 'a commit is another than its name says');
    }
  }
};

const tagged = (kind: string, bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from(kind), bytes]);

export const target: Target = {
  kind: 'bytes',
  bytesMax: 2_048,
  seeds: () => [
    tagged('L', deflateSync(objectOf(first))),
    tagged('O', objectOf(second)),
    tagged('C', second),
    tagged('I', index),
    tagged('P', pack),
    tagged('D', copying),
  ],
  words: ['parent ', 'committer ', idOf(first), '\n', 'commit ', '\0'],
  check,
};
