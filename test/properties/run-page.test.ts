// What records hold can become neither markup nor a control of a terminal, whatever it is; and what is shown of a run is all there.
// The page is taken apart by a reader that shares nothing with the writer: it knows each tag and each attribute that may stand in a page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { runPage } from '../../src/cli/run-page.ts';
import { runText } from '../../src/cli/run-text.ts';
import { summaryOf, timelineOf, type StoredRecord } from '../../src/ledger/reading.ts';
import { casesCount } from '../cases.ts';

const attacks = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='x",
  '</pre></details></li></ol></main><h1>approved</h1>',
  '</style><style>*{display:none}</style>',
  '<!--',
  ']]>',
  '&lt;b&gt;&#60;b>',
  'javascript:alert(1)',
  '\u001B[2J\u001B]0;owned\u0007',
  '\u009B31m',
  '\u202E\u2066reversed',
  'line\nbreak\r\ttab',
  '\uD800',
  '\u{E0041}',
  'x'.repeat(5_000),
];
const hostile = fc.oneof(fc.constantFrom(...attacks), fc.string({ unit: 'binary' }));
const value = fc.oneof(hostile, fc.jsonValue(), fc.dictionary(hostile, hostile, { maxKeys: 3 }), fc.array(hostile, { maxLength: 3 }));

const known = [
  'kind',
  'stream',
  'log_id',
  'timestamp',
  'crossing_id',
  'parent_crossing_id',
  'decision_log_id',
  'action_type',
  'invocation_id',
];
const said = [
  'agent_id',
  'agent_role',
  'user_id',
  'model_version',
  'release',
  'session_id',
  'error_message',
  'denial',
  'purpose',
  'task',
  'deployment',
];
const ids = fc.constantFrom('a', 'b', 'c', ...attacks);
const members = fc.record(
  {
    kind: fc.oneof(fc.constantFrom('opened', 'closed', 'decision', 'outcome', 'finding', 'change', 'recovery'), hostile),
    stream: fc.oneof(fc.constantFrom('agent', 'model', 'control'), hostile),
    action_type: fc.constantFrom('model_request', 'tool_call', 'invocation', '<b>'),
    timestamp: fc.oneof(fc.constantFrom('2026-11-21T10:00:00.000Z', '2026-11-21T10:00:01.000Z'), hostile),
    log_id: ids,
    crossing_id: ids,
    parent_crossing_id: fc.oneof(fc.constant(null), ids),
    decision_log_id: ids,
    decision: fc.record({
      verdict: fc.constantFrom('permit', 'deny', '<b>'),
      mode: fc.constantFrom('enforce', 'observe'),
      reason: hostile,
      policies: fc.array(hostile, { maxLength: 2 }),
    }),
    tool: fc.record({ name: hostile, call_id: hostile }),
    client_ids: fc.dictionary(fc.constantFrom('agent_id', 'turn_id', 'root_turn_id', 'thread_id', 'parent_thread_id'), hostile),
    totals: fc.record({
      crossings: fc.nat(),
      denials: fc.nat(),
      denied_as_text: fc.nat(),
      model_calls: fc.nat(),
      tool_calls: fc.nat(),
      since: fc.constant('opening'),
      tools_used: fc.array(fc.record({ name: hostile, count: fc.nat() }), { maxLength: 3 }),
      cost: fc.array(fc.record({ currency: hostile, amount: hostile }), { maxLength: 2 }),
    }),
    run: fc.record({
      exit_code: fc.nat(),
      signal: hostile,
      program: hostile,
      git: fc.record({ commits_made: fc.array(hostile, { maxLength: 3 }) }),
    }),
    finding: fc.record({ code: hostile, sentence: hostile }),
  },
  { requiredKeys: ['kind'] },
);
const record = fc
  .tuple(members, fc.dictionary(fc.oneof(fc.constantFrom(...known, ...said), hostile), value, { maxKeys: 4 }))
  .map(([own, more]) => ({ ...more, ...own }));
const records = fc.array(record, { maxLength: 10 }).map((all) =>
  all.map((each, index): StoredRecord => ({
    origin: index % 2 === 0 ? 'local/agent/standard/2026q4' : 'local/model/standard/2026q4',
    index,
    leaf: new Uint8Array(),
    members: each,
  })),
);

const tags = new Set(
  'html head meta title style body header h1 h2 ul li nav a main section table caption tbody thead tr th td p strong code fieldset legend label input ol details summary b pre span footer'.split(
    ' ',
  ),
);
const attributes: Readonly<Record<string, RegExp>> = {
  class: /^[a-z0-9 ]*$/,
  id: /^[a-z0-9-]+$/,
  href: /^#[a-z0-9-]+$/,
  scope: /^(?:row|col)$/,
  lang: /^en$/,
  charset: /^utf-8$/,
  'http-equiv': /^Content-Security-Policy$/,
  content:
    /^(?:default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'|width=device-width,initial-scale=1|no-referrer)$/,
  name: /^(?:viewport|referrer|show)$/,
  type: /^radio$/,
  'aria-labelledby': /^[a-z-]+$/,
  'aria-label': /^Sections$/,
};

/** Every tag of a page, as text; fails at the first that is none of ours. */
const tagsOf = (page: string): readonly string[] => {
  const body = page.replace(/^<!doctype html>\n/, '').replace(/<style>[^<]*<\/style>/, '');
  return [...body.matchAll(/<[^>]*>?/g)].map(([tag]) => {
    const [, name = '', rest = ''] = /^<\/?([a-z][a-z0-9]*)((?: [a-z-]+(?:="[^"]*")?)*)>$/.exec(tag) ?? assert.fail(`no tag: ${tag}`);
    assert.ok(tags.has(name), tag);
    for (const [, attribute = '', , given] of rest.matchAll(/ ([a-z-]+)(="([^"]*)")?/g)) {
      if (given === undefined) assert.equal(attribute, 'checked', tag);
      else assert.match(given, attributes[attribute] ?? assert.fail(tag), tag);
    }
    return tag;
  });
};

const pageOf = (all: readonly StoredRecord[]): string =>
  runPage({
    run: summaryOf(all, true),
    timeline: timelineOf(all),
    verification: {
      ok: false,
      standing: 'not verified',
      problems: ['<b>'],
      logs: [{ origin: 'local/agent/standard/2026q4', size: 1, root: '<' }],
    },
    missing: 3,
    madeAt: '2026-11-21T11:00:00.000Z',
    version: '0.0.0',
  });

test('G-SHOW-1: nothing that a record holds becomes markup, an attribute, a style or an address of a page', () => {
  fc.assert(
    fc.property(records, (all) => {
      const page = pageOf(all);
      const found = tagsOf(page);
      const names = found.flatMap((tag) => / id="([^"]*)"/.exec(tag)?.[1] ?? []);
      assert.equal(new Set(names).size, names.length, 'an id stands twice');
      for (const [, to = ''] of found.join('').matchAll(/ href="#([^"]*)"/g)) assert.ok(names.includes(to), `${to} leads nowhere`);
      assert.doesNotMatch(page.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
      assert.equal(page.isWellFormed(), true);
    }),
    { numRuns: casesCount(300) },
  );
});

test('G-SHOW-1: nothing that a record holds controls the terminal that shows its run', () => {
  fc.assert(
    fc.property(records, fc.boolean(), fc.option(fc.integer({ min: 20, max: 120 })), (all, colours, columns) => {
      const text = runText(summaryOf(all, true), timelineOf(all), { colours, columns });
      const own = colours ? ['0', '1', '2', '31', '33'].reduce((left, code) => left.replaceAll(`\u001B[${code}m`, ''), text) : text;
      assert.doesNotMatch(own.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
    }),
    { numRuns: casesCount(300) },
  );
});

test('the reader of pages can fail', () => {
  for (const wrong of ['<script>', '<p onclick="x">', '<a href="https://x">', '<p class="A<">', '<p', '<img>'])
    assert.throws(() => tagsOf(wrong));
});
