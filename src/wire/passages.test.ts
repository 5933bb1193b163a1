import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonNode } from './json.ts';
import { isJsonProblem, memberOf, parseJson } from './json.ts';
import { inPlaceOf, passageOf, passagesIn } from './passages.ts';

const parsed = (text: string): readonly [JsonNode, Buffer] => {
  const body = Buffer.from(text);
  const node = parseJson(body);
  return isJsonProblem(node) ? assert.fail(node.problem) : [node, body];
};

const identityOf = (text: string): string => Buffer.from(passageOf(...parsed(text)).identity()).toString();

test('a piece is the same wherever the mark for the cache stands, and however a client ends and wraps a text', () => {
  const same = ['"words"', '{"type":"text","text":"words"}', '{"type":"text","text":"words\\n","cache_control":{"type":"ephemeral"}}'];
  assert.deepEqual(same.map(identityOf), ['words', 'words', 'words']);
  const image = '{"type":"image","source":{"type":"base64","data":"QQ=="}';
  assert.equal(identityOf(`${image}}`), identityOf(`${image},"cache_control":{"type":"ephemeral"}}`));
  const result = (mark: string) => `{"type":"tool_result","content":[{"type":"text","text":"a"${mark}}]}`;
  assert.equal(identityOf(result('')), identityOf(result(',"cache_control":{}')));
});

test('a piece is another where anything that it says is another', () => {
  const others = [
    '"words"',
    '"other words"',
    '{"type":"text","text":"words","citations":[]}',
    '{"type":"image","source":{"data":"QQ=="}}',
    '{"type":"image","source":{"data":"Qg=="}}',
    '{"type":"image","source":{"data":["QQ=="]}}',
    '{"type":"image","source":{"data":"QQ==","x":1}}',
    '{"type":"image","source":{"data":"QQ=="},"x":1}',
    '[["a"],"b"]',
    '[["a","b"]]',
  ];
  assert.equal(new Set(others.map(identityOf)).size, others.length);
});

test('a message without parts is one piece by itself', () => {
  for (const [content, count] of [
    ['["a","b"]', 2],
    ['"a"', 1],
    ['[]', 1],
    ['null', 1],
  ] as const) {
    const [message, body] = parsed(`{"content":${content},"tool_calls":[1]}`);
    assert.equal(passagesIn(message, memberOf(message, 'content'), body).length, count, content);
  }
});

test('what stands in the place of a piece keeps its mark for the cache, byte for byte', () => {
  const shape = { type: 'text', text: 'out' };
  const inPlace = (text: string): string => {
    const [node, body] = parsed(text);
    return Buffer.from(inPlaceOf(node, shape, body)).toString();
  };
  assert.equal(inPlace('{"type":"image"}'), '{"type":"text","text":"out"}');
  assert.equal(inPlace('{"cache_control": {"ttl" :"1h"},"type":"image"}'), '{"type":"text","text":"out","cache_control":{"ttl" :"1h"}}');
});
