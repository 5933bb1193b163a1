import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonText, markup, textOf } from './markup.ts';

test('every value is escaped, and what a template made is not escaped again', () => {
  const inner = markup`<b>${'<i>&"\''}</b>`;
  assert.equal(
    textOf(markup`<p class="${'a" onload="x'}">${inner}${[1, null, 'x']}</p>`),
    '<p class="a&quot; onload=&quot;x"><b>&lt;i&gt;&amp;&quot;&#39;</b>1x</p>',
  );
});

test('an object that only looks like markup is refused', () => {
  const forged = { text: '<script>' } as unknown as string;
  assert.throws(() => markup`${forged}`);
});

test('characters that hide, reorder or control are replaced in text and written as escapes in JSON', () => {
  assert.equal(textOf(markup`${'a\u202Eb\u001B[31m\u0085\uD800\n'}`), 'a\uFFFDb\uFFFD[31m\uFFFD\uFFFD\n');
  assert.equal(
    textOf(jsonText(JSON.stringify({ a: '\u202E</pre>\u009B\u{E0041}"&' }))),
    '{"a":"\\u202e&lt;/pre&gt;\\u009b\\udb40\\udc41\\"&amp;"}',
  );
});
