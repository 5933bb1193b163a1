import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../core/limits.ts';
import type { EventTemplate } from './event-template.ts';
import { anyString, blanks, literal, runOf } from './event-template.ts';

const form: EventTemplate = [literal('data: {"text":'), anyString, blanks, literal('}\n\n')];
const event = (text: string, after = ''): string => `data: {"text":"${text}"${after}}\n\n`;

/** How many bytes of the text, given as Latin-1, are recognised; also in the middle of a larger store, as chunks lie. */
const run = (text: string, forms: readonly EventTemplate[] = [form]): number => {
  const bytes = Buffer.from(text, 'latin1');
  const store = Buffer.concat([Buffer.from('?'), bytes, Buffer.from(event('behind'))]);
  const length = runOf(forms, bytes);
  assert.equal(runOf(forms, store.subarray(1, 1 + bytes.length)), length);
  return length;
};

test('whole events of a form are recognised one behind the other, up to the first that differs', () => {
  const [one, two] = [event('a'), event('', '   ')];
  assert.equal(run(''), 0);
  assert.equal(run(one), one.length);
  assert.equal(run(one + two), one.length + two.length);
  assert.equal(run(`${one}${two}data: {"text":"cut`), one.length + two.length);
  assert.equal(run(`${one}event: other\n\n${two}`), one.length);
  assert.equal(run(`${one}\n${two}`), one.length);
});

test('events of several forms may take turns', () => {
  const other: EventTemplate = [literal('data: '), anyString, literal('\n\n')];
  const mixed = `${event('a')}data: "b"\n\n${event('c')}`;
  assert.equal(run(mixed, [form, other]), mixed.length);
  assert.equal(run(mixed, [other]), 0);
});

test('an event that differs by any one byte, or lacks one, is not recognised', () => {
  const whole = event('aq');
  const inText = (at: number): boolean => at > whole.indexOf('"aq"') && at < whole.indexOf('"aq"') + 3;
  for (let at = 0; at < whole.length; at++) {
    assert.equal(run(whole.slice(0, at)), 0);
    assert.equal(run(whole.slice(0, at) + whole.slice(at + 1)) > 0, inText(at), `without ${at}`);
    for (const byte of ['\0', '\n', '\r', '"', '\\', '}', 'x', '\x80'])
      if (byte !== whole[at] && !(inText(at) && (byte === '}' || byte === 'x')))
        assert.equal(run(`${whole.slice(0, at)}${byte}${whole.slice(at + 1)}`), 0, `${JSON.stringify(byte)} at ${at}`);
  }
});

test('a text is any JSON string, and nothing else', () => {
  for (const text of ['\\"', '\\\\', '\\/\\b\\f\\n\\r\\t', '\\u00e9\\uD800', '{}[]:,', '\x7f', ' '])
    assert.equal(run(event(text)), event(text).length, text);
  for (const text of ['\\', '\\x', '\\u12', '\\u12G4', '\\"\\', '\t', '\n', '\x1f', '"', 'a"b']) assert.equal(run(event(text)), 0, text);
});

test('bytes that are not UTF-8 end the run before their event', () => {
  const good = Buffer.from(event('é漢🌦')).toString('latin1');
  for (const text of ['\xff', '\xc3', '\xe2\x82', '\xed\xa0\x80', '\xc0\xaf']) {
    const bad = event(text);
    assert.equal(run(bad), 0);
    assert.equal(run(good + good + bad + good), 2 * good.length, text);
  }
});

test('an event over the limit is not recognised, and one at the limit is', () => {
  const longest = event('x'.repeat(limits.streamEventBytes - event('').length));
  assert.equal(runOf([form], Buffer.from(longest)), limits.streamEventBytes);
  assert.equal(runOf([form], Buffer.from(longest.replace('"}', 'x"}'))), 0);
  const escapes = event('\\n'.repeat((limits.streamEventBytes - event('').length) / 2));
  assert.equal(runOf([form], Buffer.from(escapes)), escapes.length);
});

test('a form of nothing recognises nothing', () => {
  assert.equal(run(event('a'), []), 0);
  assert.equal(run(event('a'), [[]]), 0);
  assert.equal(run(event('a'), [[blanks]]), 0);
});
