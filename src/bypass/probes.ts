// Whether a mechanism is there that an attempt would need. "Not applicable" is said of nothing that was not looked for, and each probe runs once.
// A subject that lacks the path by which a mechanism would show lacks the mechanism too.

import { existsSync } from 'node:fs';
import type { Arrival, Exchange, Mechanism, Path } from './attempt.ts';
import { honestTunnel, modelRequest, modelSays, requestTo } from './attempts/exchanges.ts';
import type { Bench, Place } from './judge.ts';
import { unlistedAddress } from './names.ts';

interface Found {
  readonly there: boolean;
  readonly how: string;
}

const there = (how: string): Found => ({ there: true, how });
const missing = (how: string): Found => ({ there: false, how });

const settleMs = 100;

/** The bytes that a server of SOCKS 5 (RFC 1928, section 3) or 4 answers a greeting with begin so. */
const socksAnswers = [5, 0];
const socksGreetings = ['\x05\x01\x00', '\x04\x01\x01\xbb\x0b\x00\x00\x42kit\x00'];

const oddPath = '//a/%2e%2e/..;/probe-of-path?x=%2f';
const upgrade = requestTo(
  'http://allowed.test/upgrade',
  'Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n',
).replace('Connection: close', 'Connection: Upgrade');

export const createProbes = (places: ReadonlyMap<Path, Place>, arrivals: () => readonly Arrival[]): Bench['has'] => {
  const placeOf = (paths: readonly Path[]): Place | undefined => paths.map((path) => places.get(path)).find((place) => place !== undefined);
  const arrived = async (text: string): Promise<boolean> => {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    return arrivals().some((arrival) => arrival.text.includes(text));
  };
  /** What a door answers; null where the subject has none on these paths. */
  const answer = async (
    paths: readonly Path[],
    exchange: Exchange,
  ): Promise<{ readonly status: number | null; readonly text: string } | null> => {
    const place = placeOf(paths);
    return place === undefined || place.door === null ? null : place.trier.exchange(place.door, exchange);
  };
  const noDoor = missing('the subject has no such door');

  const probes: Readonly<Record<Mechanism, () => Promise<Found>>> = {
    'socks listener': async () => {
      for (const greeting of socksGreetings) {
        const answered = await answer(['connect', 'jail-connect'], { parts: [greeting], patienceMs: 500 });
        if (answered === null) return noDoor;
        if (socksAnswers.includes(answered.text.charCodeAt(0))) return there('a greeting of SOCKS is answered');
      }
      return missing('a greeting of SOCKS is not answered as one');
    },
    'transparent redirection': async () => {
      const place = placeOf(['jail']);
      if (place === undefined) return missing('who tries is not contained, so that nothing is redirected');
      const text = `curl -s --noproxy '*' --max-time 4 -o /dev/null http://${unlistedAddress}/ || exit 1`;
      const { code } = await place.trier.script({ program: 'sh', text });
      return code === 0 ? there('a connection past the door is answered') : missing('a connection past the door is answered by nobody');
    },
    'tool door': async () => {
      const call = modelRequest('{"jsonrpc":"2.0","id":1,"method":"tools/list"}', '/mcp/kit');
      const answered = await answer(['model', 'jail-model'], { parts: [call] });
      if (answered === null) return noDoor;
      const { status } = answered;
      return status !== null && status < 300 ? there(`/mcp answers ${status}`) : missing(`/mcp answers ${status ?? 'nothing'}`);
    },
    'inspection of TLS': async () => {
      if ((await answer(['connect', 'jail-connect'], honestTunnel('allowed.test')('probe-of-tls'))) === null) return noDoor;
      return (await arrived('probe-of-tls'))
        ? missing('a ClientHello arrives as it was sent')
        : there('a ClientHello does not arrive as it was sent');
    },
    'path rules': async () => {
      if ((await answer(['forward', 'jail-forward'], { parts: [requestTo(`http://allowed.test${oddPath}`)] })) === null) return noDoor;
      return (await arrived(oddPath))
        ? missing('a path arrives as it was sent; rules name hosts and ports')
        : there('an odd path does not arrive');
    },
    masking: async () => {
      if ((await answer(['model', 'jail-model'], { parts: [modelSays('probe.of.masking@example.org')] })) === null) return noDoor;
      return (await arrived('probe.of.masking@example.org'))
        ? missing('an address of mail arrives as it was sent')
        : there('an address of mail does not arrive');
    },
    'web sockets': async () => {
      const answered = await answer(['forward', 'jail-forward'], { parts: [upgrade] });
      if (answered === null) return noDoor;
      return answered.status === 101
        ? there('an upgrade is carried')
        : missing(`an upgrade is answered ${answered.status ?? 'by nothing'}`);
    },
    'other system': async () =>
      existsSync('/proc/sys/fs/binfmt_misc/WSLInterop') ? there('this is WSL') : missing(`this is ${process.platform} and not WSL`),
  };
  const known = new Map<Mechanism, Promise<Found>>();
  return (mechanism) => {
    const found = known.get(mechanism) ?? probes[mechanism]();
    known.set(mechanism, found);
    return found;
  };
};
