// What comes before and in the header of a request: the relay's line, credentials however clients send them, and what clients say of their sessions.
// The line is read alike however much of it has come; a credential is never repaired.

import assert from 'node:assert/strict';
import { limits } from '../../../src/core/limits.ts';
import { selectHeaders } from '../../../src/core/header-names.ts';
import { holdsCredential, isCredential } from '../../../src/core/credential-form.ts';
import { credentialOf } from '../../../src/doors/network/credential.ts';
import { carriedFields } from '../../../src/doors/network/target.ts';
import { readPreamble } from '../../../src/server/preamble.ts';
import { label } from '../../../src/core/identifier.ts';
import { formatAt, formats } from '../../../src/wire/wire.ts';
import { choiceFor } from '../cuts.ts';
import type { Target } from '../target.ts';

const checkPreamble = (input: Uint8Array): void => {
  const bytes = Buffer.from(input);
  const read = readPreamble(bytes);
  const { place } = choiceFor(input);
  for (let length = 0; length < Math.min(bytes.length, limits.preambleBytes + 2); length += 1 + (place % 13)) {
    const early = readPreamble(bytes.subarray(0, length));
    if (early === 'more') continue;
    if (typeof early === 'string') assert.equal(read, early, 'more bytes change what was read');
    else assert.equal(typeof read === 'object' && read.credential, early.credential);
  }
  if (typeof read === 'string') {
    if (read === 'more') assert.ok(bytes.length < limits.preambleBytes, 'it waits for more than a line may be');
    return;
  }
  assert.match(read.credential, /^[!-~]+$/);
  assert.deepEqual(Buffer.concat([Buffer.from(`SEALWRIGHT/1 ${read.credential}\n`, 'latin1'), read.rest]), bytes);
};

/** Header fields as Node hands them out: lower-case names, values in Latin-1. */
const headersIn = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const [, name, value] = /^([\w-]+): ?(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value.trim()] as const];
    }),
  );

const check = (input: Uint8Array): void => {
  checkPreamble(input);
  const text = Buffer.from(input).toString('latin1');
  const headers = headersIn(text);
  const [first = ''] = text.split('\n', 1);
  const [method = '', url = ''] = first.split(' ');
  const [path = '', query = ''] = url.split('?', 2);
  const found = formatAt(method, path);
  if (found?.operation !== undefined) assert.equal(found.format.operation(method, found.path), found.operation);
  for (const format of formats) {
    const credential = format.credential(headers, query);
    const said = [...Object.values(headers), ...new URLSearchParams(query).values()];
    if (credential !== null && isCredential(credential)) assert.ok(said.some((each) => each.includes(credential)), 'a credential is read that nobody sent');
    for (const value of Object.values(format.clientIds(headers))) assert.equal(label(value), value, 'what is no identifier is recorded');
    for (const name of Object.keys(selectHeaders(format.forwardedHeaders, headers))) assert.ok(!['authorization', 'x-api-key', 'x-goog-api-key', 'cookie', 'proxy-authorization'].includes(name));
  }
  const proxy = credentialOf({ credential: null, headers });
  if (headers['proxy-authorization'] === undefined) assert.equal(proxy, null);
  for (const [name, value] of Object.entries(carriedFields(headers))) {
    assert.ok(!/^(?:connection|proxy-auth(?:orization|enticate)|proxy-connection|transfer-encoding|content-length|host|upgrade|te|trailer|keep-alive)$/.test(name), `${name} is carried on`);
    assert.ok(!holdsCredential(value), 'a credential is carried on');
  }
}; // prettier-ignore

const credential = `sw_${'A'.repeat(43)}`;
const seeds = [
  `SEALWRIGHT/1 ${credential}\nPOST /v1/messages HTTP/1.1\n`,
  `POST /anthropic/v1/messages?beta=true HTTP/1.1\nX-Api-Key: ${credential}\nAuthorization: Bearer ${credential}\nX-Claude-Code-Session-Id: s-1\n`,
  `POST /v1beta/models/m:generateContent?key=${credential}&alt=sse HTTP/1.1\nx-goog-api-key: ${credential}\n`,
  `POST /openai/v1/responses HTTP/1.1\nAuthorization: Bearer ${credential}\nSession-Id: a\nX-Codex-Turn-Metadata: {"turn_id":"t","request_kind":"turn"}\n`,
  `GET http://example.com/ HTTP/1.1\nProxy-Authorization: Basic ${Buffer.from(`x:${credential}`).toString('base64')}\nConnection: close, x-a\nX-A: 1\nX-B: ${credential}\n`,
];

export const target: Target = {
  kind: 'lines',
  bytesMax: 1_024,
  seeds: () => seeds.map((text) => Buffer.from(text)),
  words: ['SEALWRIGHT/1 ', credential, 'Bearer ', 'bearer', 'Basic ', 'key=', '%73', 'Connection: ', 'X-Api-Key: ', 'Authorization: '],
  check,
};
