// Settings of all that leaves by the network door; which role may connect where stands with the roles.
// The schema of a proxy is that of endpoints and is given: a room reads no other room's settings.

import { z } from 'zod';
import { readRange } from '../../core/destination.ts';
import { limits } from '../../core/limits.ts';

/** RFC 1918, RFC 6598, RFC 4193 and loopback. */
export const usualPrivateRanges: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
  '127.0.0.0/8',
  '::1/128',
];

const range = z.string().refine((text) => 'range' in readRange(text), { error: 'must be an address or a range such as 10.0.0.0/8' });

export const createNetworkConfig = <Proxy extends z.ZodType>(proxy: Proxy) =>
  z.strictObject({
    mode: z
      .enum(['open', 'airgapped'])
      .default('open')
      .describe(
        '`airgapped`: the envelope starts only where every endpoint, issuer and proxy of this file has addresses in `private_ranges`, and dials no others.',
      ),
    private_ranges: z
      .array(range)
      .min(1)
      .max(limits.privateRangesCount)
      .default([...usualPrivateRanges])
      .describe('Addresses and ranges that are inside, for `airgapped`.'),
    via: z
      .strictObject({ proxy: proxy.describe('Its address, and where its credential is found.') })
      .optional()
      .describe(
        'A corporate proxy before every destination of the network door. It is asked for the address that was judged, not for the name, so that names must ' +
          'resolve where the envelope runs.',
      ),
  });
