// Names of hosts, destinations, ranges and targets in absolute form, against the platform's own reader of URLs.
// What is read reads as itself again, holds nothing at which another reader ends a name, and leads where a URL would lead.

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import type { Host } from '../../../src/core/destination.ts';
import { destinationText, domainsAbove, hostText, isWithin, readDestination, readHost, readRange } from '../../../src/core/destination.ts';
import { isAbsolute, readTarget } from '../../../src/doors/network/target.ts';
import type { Target } from '../target.ts';

const checkHost = (host: Host): void => {
  assert.deepEqual(readHost(hostText(host)), { name: host.name, kind: host.kind });
  assert.equal(isIP(host.name), { name: 0, ipv4: 4, ipv6: 6 }[host.kind]);
  assert.match(host.name, host.kind === 'ipv6' ? /^[0-9a-f:]+$/ : /^[a-z0-9_.-]{1,253}$/);
  for (const domain of domainsAbove(host)) assert.ok(host.name.endsWith(`.${domain}`));
  if (host.kind !== 'name') assert.ok(isWithin(host, [`${host.name}/${host.kind === 'ipv4' ? 32 : 128}`, '::/0']));
};

/** What another reader would connect to. A name with an underscore is none for it, which is no other host. */
const checkUrl = (text: string, { host, port }: { readonly host: Host; readonly port: number }): void => {
  const url = URL.parse(text);
  assert.ok(url !== null, 'a URL of it cannot be read');
  assert.equal(url.hostname.replace(/\.$/, ''), hostText(host));
  assert.equal(Number(url.port || 80), port);
  assert.equal(url.username + url.password, '');
};

const check = (input: Uint8Array): void => {
  const text = Buffer.from(input).toString();
  const host = readHost(text);
  if (!('malformed' in host)) checkHost(host);
  const destination = readDestination(text);
  if (!('malformed' in destination)) {
    checkHost(destination);
    assert.deepEqual(readDestination(destinationText(destination)), destination);
    checkUrl(`http://${text}`, { host: destination, port: destination.port });
  }
  const range = readRange(text);
  if (!('malformed' in range)) assert.deepEqual(readRange(range.range), range);
  const target = readTarget(text);
  if ('malformed' in target) return;
  assert.ok(isAbsolute(text));
  assert.ok(target.target.startsWith('/') && /^[!-~]+$/.test(target.target));
  checkUrl(text, { host: target.destination, port: target.destination.port });
};

const seeds = [
  'example.com:443', 'EXAMPLE.com.:80', '127.0.0.1:1', '[::1]:65535', '[2001:DB8::0:1]:443', '10.0.0.0/8', 'fd00::/8', '::ffff:1.2.3.4', 'xn--bcher-kva.example',
  'a_b.c:1', '0x7f.1', '127.1:80', 'http://example.com/a?b', 'HTTP://[::1]:8080/x', 'http://u:p@h/', 'http://example.com:80?x', '1.2.3.4.', 'a..b:1', '[::1%25eth0]:1',
]; // prettier-ignore

export const target: Target = {
  kind: 'bytes',
  bytesMax: 512,
  seeds: () => seeds.map((text) => Buffer.from(text)),
  words: [
    'xn--',
    '::',
    '::ffff:',
    '0x',
    '.',
    ':',
    '[',
    ']',
    '%',
    '@',
    '\\',
    '#',
    '?',
    'http://',
    '\u3002',
    '\u00AD',
    '\uFF0E',
    '/32',
    '\0',
  ],
  check,
};
