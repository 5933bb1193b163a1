// Names of hosts: whatever text comes, what is read of it reads as itself again and holds nothing that ends a name for another reader,
// and an address is the one that the platform's own reader of URLs finds.

import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { hostText, isWithin, readDestination, readHost } from '../../src/core/destination.ts';

const RUNS_COUNT = 2_000;

/** Texts that are almost names, so that both answers come up. */
const almost = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', 'B', '0', '1', '255', '.', ':', '-', '_', '[', ']', '%', '@', '\\', '\0', 'ü', '::', 'ffff', '0x'),
      fc.string({ maxLength: 3 }),
    ),
    {
      maxLength: 9,
    },
  )
  .map((parts) => parts.join(''));

test('G-NET-2: what is read is canonical, and plain', () => {
  fc.assert(
    fc.property(almost, (text) => {
      const read = readHost(text);
      if ('malformed' in read) return;
      assert.deepEqual(readHost(hostText(read)), read);
      assert.match(read.name, read.kind === 'ipv6' ? /^[0-9a-f:]+$/ : /^[a-z0-9_.-]+$/);
      assert.equal(isIP(read.name), { name: 0, ipv4: 4, ipv6: 6 }[read.kind]);
    }),
    { numRuns: RUNS_COUNT },
  );
});

test('G-NET-2: every address reads as the platform reads it', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      assert.equal(`[${(readHost(address) as { name: string }).name}]`, new URL(`http://[${address}]`).hostname);
    }),
    { numRuns: RUNS_COUNT },
  );
  fc.assert(fc.property(fc.ipV4(), (address) => assert.deepEqual(readHost(address), { name: address, kind: 'ipv4' })));
});

test('G-NET-2: a name of the usual kind is taken, with its port', () => {
  fc.assert(
    fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (domain, port) => {
      assert.deepEqual(readDestination(`${domain}:${port}`), { name: domain.toLowerCase(), kind: 'name', port });
    }),
    { numRuns: RUNS_COUNT },
  );
});

test('G-NET-7: an address lies in the ranges that the platform finds it in', () => {
  const inRange = fc
    .tuple(fc.ipV6(), fc.ipV6(), fc.integer({ min: 0, max: 128 }))
    .map(([address, network, prefix]) => ({ address, network, prefix }));
  const inRange4 = fc
    .tuple(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }))
    .map(([address, network, prefix]) => ({ address, network, prefix }));
  fc.assert(
    fc.property(fc.oneof(inRange, inRange4), fc.boolean(), ({ address, network, prefix }, same) => {
      const list = new BlockList();
      const kind = isIP(network) === 6 ? 'ipv6' : 'ipv4';
      const base = same ? address : network;
      list.addSubnet(base, prefix, kind);
      const [host, first] = [readHost(address), readHost(base)];
      assert.ok('name' in host && 'name' in first);
      assert.equal(isWithin(host, [`${first.name}/${prefix}`]), list.check(address, kind));
    }),
    { numRuns: RUNS_COUNT },
  );
});
