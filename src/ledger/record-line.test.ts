import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordLine } from './record-line.ts';

test('a record is one line, whatever stands in it', () => {
  for (const character of ['\n', '\u001b[2J', '\u202E', '\u2028', '\u2029']) {
    const members = { kind: `a${character}b`, timestamp: character, agent_id: character };
    const line = recordLine({ origin: 'o', index: 0, leaf: new Uint8Array(), members });
    assert.match(line, /a\uFFFD.*b/);
    assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\u2028\u2029]/u);
  }
});
