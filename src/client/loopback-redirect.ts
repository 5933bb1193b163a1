// Where the browser comes back to: a listener on 127.0.0.1 for one login (RFC 8252 section 7.3), and the page from which it is sent to the issuer.
// Contract: answers only under its own name; takes the one redirect that carries the state, once; ends by itself when none comes.
// The path of the redirect is fixed, because issuers compare all but the port; what nobody can guess is the state.

import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock, Random } from '../core/clock.ts';
import { limits } from '../core/limits.ts';

export const redirectPath = '/callback';

export interface RedirectOrder {
  readonly state: string;
  /** Where the browser is sent for this redirect URI. */
  readonly authorizationUrl: (redirectUri: string) => string;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

export interface Redirect {
  readonly redirectUri: string;
  readonly authorizationUrl: string;
  /** Leads to the authorization URL, once: an argument list shows it to everybody on this machine, and the state must not stand there. */
  readonly startUrl: string;
  /** The parameters of the redirect, whose state is right; or why there will be none. */
  readonly arrival: Promise<URLSearchParams | { readonly problem: string }>;
  readonly close: () => void;
}

const page = (sentence: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sealwright</title><p>${sentence}</p></html>\n`;

const respond = (answer: ServerResponse, status: number, sentence: string, more: Readonly<Record<string, string>> = {}): void => {
  answer
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
      // The address of this page holds the code.
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      connection: 'close',
      ...more,
    })
    .end(page(sentence));
};

const isSame = (given: string | null, expected: string): boolean =>
  given !== null && given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));

type Arrival = Awaited<Redirect['arrival']>;

/** Answers requests until `settle` was called. */
const createHandler = (
  { state }: RedirectOrder,
  places: { host: string; startPath: string; target: string },
  settle: (arrival: Arrival) => void,
) => {
  let started = false;
  let over = false;
  let strays = 0;
  const end = (arrival: Arrival): void => {
    over = true;
    settle(arrival);
  };
  const stray = (answer: ServerResponse, status: number): void => {
    respond(answer, status, 'Nothing is here. Go back to the terminal.');
    strays += 1;
    if (strays > limits.strayCallbacksCount)
      end({ problem: 'Something on this machine keeps calling the address that the browser comes back to' });
  };
  return (sent: IncomingMessage, answer: ServerResponse): void => {
    if (over) return respond(answer, 410, 'This was used already. Go back to the terminal.');
    // A page elsewhere can point a name of its own at this address; it cannot make a browser say ours.
    if (sent.headers.host !== places.host || sent.method !== 'GET') return stray(answer, 403);
    const url = URL.parse(sent.url ?? '', `http://${places.host}`);
    if (url?.pathname === places.startPath) {
      if (started)
        return end({ problem: 'The page from which the browser is sent was asked for twice, so somebody else may be signing in here' });
      started = true;
      return respond(answer, 302, 'On the way to sign in.', { location: places.target });
    }
    if (url?.pathname !== redirectPath) return stray(answer, 404);
    if (!isSame(url.searchParams.get('state'), state)) return stray(answer, 400);
    answer.on('close', () => settle(url.searchParams));
    over = true;
    respond(answer, 200, 'You can close this window and go back to the terminal.');
  };
};

/** Listens until the redirect came, the time is up, or `signal` says so. Rejects only where this machine lets nobody listen. */
export const openRedirect = async (order: RedirectOrder): Promise<Redirect> => {
  const { clock, random, signal } = order;
  const server = createServer({
    headersTimeout: limits.headersArriveMs,
    requestTimeout: limits.headersArriveMs,
    maxHeaderSize: limits.headerBytes,
  });
  server.maxConnections = limits.redirectConnectionsCount;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const redirectUri = `http://${host}${redirectPath}`;
  const authorizationUrl = order.authorizationUrl(redirectUri);
  const startPath = `/${Buffer.from(random.bytes(24)).toString('base64url')}`;
  const { promise: arrival, resolve } = Promise.withResolvers<Arrival>();
  const cancel = clock.after(limits.loginMs, () =>
    resolve({ problem: `The browser did not come back within ${limits.loginMs / 60_000} minutes` }),
  );
  const interrupted = (): void => resolve({ problem: 'Signing in was interrupted' });
  signal.addEventListener('abort', interrupted, { once: true });
  if (signal.aborted) interrupted();
  server.on('request', createHandler(order, { host, startPath, target: authorizationUrl }, resolve));
  const close = (): void => {
    cancel();
    signal.removeEventListener('abort', interrupted);
    server.close();
    server.closeAllConnections();
  };
  return { redirectUri, authorizationUrl, startUrl: `http://${host}${startPath}`, arrival, close };
};
