// ClientHellos: whatever bytes come, reading ends and never throws; what was read once is not read otherwise when more comes; and no way of cutting
// a hello into records changes what it says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readClientHello } from '../../src/doors/network/client-hello.ts';
import { extensionOf, helloOf, recordsOf, serverNames } from '../client-hello.ts';

const RUNS_COUNT = 1_000;

const others = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 0xfe_00 }), fc.uint8Array({ maxLength: 40 })), {
  selector: ([type]) => type,
  maxLength: 12,
});
const hello = fc.tuple(fc.domain(), others, fc.nat(12)).map(([name, extensions, at]) => ({
  name,
  bytes: helloOf(...extensions.map(([type, content]) => extensionOf(type, content)).toSpliced(at, 0, serverNames(name))),
}));

test('G-NET-4: no way of cutting a hello changes what it says', () => {
  fc.assert(
    fc.property(hello, fc.integer({ min: 1, max: 900 }), ({ name, bytes }, size) => {
      const cut = recordsOf(bytes.subarray(5), size);
      assert.deepEqual(readClientHello(cut), { hello: 'whole', serverName: name });
      for (let at = 0; at < cut.length; at += 7) assert.equal(readClientHello(cut.subarray(0, at)).hello, 'unfinished');
    }),
    { numRuns: RUNS_COUNT / 10 },
  );
});

test('G-NET-4: no bytes make reading throw, and more bytes never change what was read', () => {
  const changed = fc.tuple(hello, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 })).map(([{ bytes }, changes]) => {
    const copy = Buffer.from(bytes);
    for (const [at, value] of changes) copy[at % copy.length] = value;
    return copy;
  });
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 200 })), fc.nat(), fc.uint8Array({ maxLength: 20 }), (bytes, at, more) => {
      const early = readClientHello(bytes.subarray(0, at % (bytes.length + 1)));
      const late = readClientHello(Buffer.concat([bytes, more]));
      if (early.hello !== 'unfinished') assert.deepEqual(late, early);
    }),
    { numRuns: RUNS_COUNT },
  );
});
