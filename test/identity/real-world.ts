// Identity as the envelope opens it: over sockets, with the clock of this machine, which a test can put forward, and a subject map in memory.
// Beside it the client's end of a back-channel logout: whatever an issuer sends there.

import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Identity } from '../../src/identity/identity.ts';
import { readPlainJson } from '../../src/wire/plain-json.ts';
import { dialing, http } from '../loopback.ts';
import { opened, settingsOf } from '../scripted-issuer.ts';

export interface RealIdentity {
  readonly identity: Identity;
  readonly putForward: (ms: number) => void;
  readonly subjects: () => readonly string[];
}

/** `file` is what every file of the settings holds. */
export const openReal = (t: TestContext, settings: unknown, file = ''): RealIdentity => {
  let aheadMs = 0;
  let subjects: Readonly<Record<string, string>> = {};
  const identity = opened(settingsOf(settings), {
    clock: {
      wallMs: () => Date.now() + aheadMs,
      monotonicMs: () => performance.now() + aheadMs,
      after: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    },
    random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    send: dialing(t).send,
    readFile: () => Buffer.from(file),
    readJson: readPlainJson,
    store: {
      read: async () => subjects,
      write: async (next) => {
        subjects = next;
      },
    },
  });
  return {
    identity,
    putForward: (ms) => {
      aheadMs += ms;
    },
    subjects: () => Object.values(subjects),
  };
};

export interface LogoutReceiver {
  readonly url: string;
  /** The next logout token that comes. */
  readonly token: Promise<string>;
}

/** Far longer than an issuer needs, so that one that sends none fails the test and does not hang it. */
const arrivesMs = 30_000;

export const receiveLogout = async (t: TestContext): Promise<LogoutReceiver> => {
  const received = Promise.withResolvers<string>();
  received.promise.catch(() => undefined);
  const late = setTimeout(() => received.reject(new Error('No logout token came.')), arrivesMs);
  t.after(() => clearTimeout(late));
  const { port } = await http(t, async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    received.resolve(new URLSearchParams(Buffer.concat(chunks).toString()).get('logout_token') ?? '');
    response.writeHead(200).end();
  });
  return { url: `http://127.0.0.1:${port}/logout`, token: received.promise };
};
