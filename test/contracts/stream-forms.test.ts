// Every streamed fixture of every format in all forms that an event stream may have: other line ends, a byte order mark, comments, fields that say
// nothing, data in several lines, no line end behind the last. It is read as the fixture is, or refused where the vendor's clients cannot read it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireFormat } from '../../src/core/wire-format.ts';
import { formats } from '../../src/wire/wire.ts';
import type { Case } from '../conformance/cases.ts';
import { casesOf } from '../conformance/cases.ts';

interface Form {
  readonly write: (stream: string) => string;
  /** What a client gets of it, where that is not what was written. */
  readonly released?: (written: string) => string;
  /** Formats whose clients cannot read it: all of it is refused, and nothing passes that is not a whole event. */
  readonly refusedIn?: readonly string[];
}

const MARK = '\uFEFF';
const blocks = (stream: string): readonly string[] => stream.match(/[\s\S]*?\r?\n\r?\n|[\s\S]+$/g) ?? [];
const inLineFeeds = (stream: string): string => stream.replaceAll('\r\n', '\n');
const eachBlock = (stream: string, write: (block: string, end: string) => string): string => {
  const end = stream.includes('\r\n') ? '\r\n' : '\n';
  return blocks(stream)
    .map((block) => (/^data:/m.test(block) ? write(block, end) : block))
    .join('');
};

const forms: Readonly<Record<string, Form>> = {
  'lines that end in LF': { write: inLineFeeds },
  'lines that end in CR LF': { write: (stream) => inLineFeeds(stream).replaceAll('\n', '\r\n') },
  'a byte order mark': { write: (stream) => MARK + stream, released: (written) => written.slice(MARK.length) },
  'comments between events': { write: (stream) => eachBlock(stream, (block, end) => `: waiting${end}${end}${block}`) },
  'comments and fields inside events': {
    write: (stream) => eachBlock(stream, (block, end) => `: waiting${end}id: 7${end}retry: 5${end}${block}`),
    refusedIn: ['gemini'],
  },
  'data in two lines': {
    write: (stream) => eachBlock(stream, (block, end) => block.replace(/^data: ?\{/m, (opening) => `${opening}${end}data: `)),
    released: (written) => written.replaceAll(/^data: ?\{\r?\ndata: /gm, 'data: { '),
  },
  'no line end behind the last event': { write: (stream) => stream.replace(/[\r\n]+$/, ''), refusedIn: ['gemini'] },
};

interface Outcome {
  readonly problem: string | null;
  readonly judged: readonly string[];
  readonly facts: string;
  readonly released: string;
}

const outcomeOf = (format: WireFormat, { expected }: Case, chunks: readonly Uint8Array[]): Outcome => {
  const reader = format.readStream(expected.request.operation);
  const judged: string[] = [];
  const released: Uint8Array[] = [];
  let problem: string | null = null;
  for (const pieces of [...chunks.map((chunk) => () => reader.push(chunk)), reader.end])
    for (const piece of pieces()) {
      if (piece.piece === 'unreadable') ({ problem } = piece);
      else released.push(piece.bytes);
      if (piece.piece === 'tool_call')
        judged.push(`${piece.call.name} ${piece.call.callId} ${Buffer.from(piece.call.arguments).toString()}`);
      if (piece.piece === 'ending') judged.push(`ending, failed: ${piece.failed}`);
    }
  return { problem, judged, facts: JSON.stringify(reader.facts()), released: Buffer.concat(released).toString() };
};

/** Whole, byte by byte, and in pieces of a few sizes. */
const cutsOf = (bytes: Uint8Array): readonly (readonly Uint8Array[])[] =>
  [bytes.length, 1, 7].map((size) =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size)),
  );

for (const format of formats) {
  const streamed = casesOf(format.name).filter((each) => each.streamed);
  if (streamed.length === 0) continue;
  for (const [name, { write, released, refusedIn = [] }] of Object.entries(forms))
    test(`G-BYTES-1: ${format.name}: ${streamed.length} streams with ${name}`, () => {
      let changed = 0;
      for (const each of streamed) {
        const fixture = Buffer.from(each.upstream).toString().replace(MARK, '');
        const written = write(fixture);
        const expected = outcomeOf(format, each, [Buffer.from(fixture)]);
        if (written !== fixture) changed += 1;
        for (const chunks of cutsOf(Buffer.from(written))) {
          const outcome = outcomeOf(format, each, chunks);
          const title = `${each.name} in pieces of ${chunks[0]?.length}`;
          if (written !== fixture && refusedIn.includes(format.name)) {
            assert.notEqual(outcome.problem, null, title);
            assert.ok(written.startsWith(outcome.released), title);
          } else {
            assert.deepEqual([outcome.problem, outcome.judged, outcome.facts], [expected.problem, expected.judged, expected.facts], title);
            if (each.released === each.upstream) assert.equal(outcome.released, (released ?? String)(written), title);
          }
        }
      }
      assert.ok(changed > 0, 'the form is another one than that of the fixtures');
    });
}
