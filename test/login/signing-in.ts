// Signing in as a person does it, against a real or scripted issuer: the commands in this process, with a home of their own and real time.
// Contract: what a command prints is kept; the page to sign in on is handed to whoever plays the browser. Everything is gone when the test ends.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { runCli } from '../../src/cli/cli.ts';
import { createLogin } from '../../src/cli/login.ts';
import { logout } from '../../src/cli/logout.ts';
import { createWhoami } from '../../src/cli/whoami.ts';
import { credentialSources, type CredentialSurroundings, type GetCredential } from '../../src/client/credential-sources.ts';
import type { IdentityOffer } from '../../src/client/login.ts';
import type { Clock } from '../../src/core/clock.ts';
import { createTestIo, type TestIo } from '../command-io.ts';
import { audience, clientId } from './issuer.ts';

export const realClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Delays pass a hundred times as fast, and the clock with them. */
export const fastClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now() * 100,
  after: (delayMs, run) => realClock.after(delayMs / 100, run),
};

export const offerFor = (url: string, changes: Partial<NonNullable<IdentityOffer['issuers'][number]['login']>> = {}): IdentityOffer => ({
  local_development: false,
  audience,
  admin_audience: `${audience}:admin`,
  reprove_minutes: 15,
  issuers: [
    {
      name: 'corp',
      url,
      audience: null,
      admin_audience: null,
      login: {
        client_id: clientId,
        admin_client_id: null,
        token: 'access_token',
        scopes: ['openid', 'offline_access'],
        resource: true,
        ...changes,
      },
    },
  ],
});

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Person {
  readonly home: string;
  readonly surroundings: CredentialSurroundings;
  readonly get: GetCredential;
  /** Runs `sealwright login|logout|whoami …`; `told` gets what goes to stderr, as it comes. */
  readonly run: (argv: readonly string[], told?: (text: string, io: TestIo) => void, changes?: Partial<TestIo>) => Promise<Outcome>;
  /** The login's file. */
  readonly kept: (name?: string) => Record<string, unknown>;
  readonly loginPath: (name?: string) => string;
}

export const createPerson = (t: TestContext, offer: IdentityOffer | null): Person => {
  const home = mkdtempSync(join(tmpdir(), 'sw-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
  const env = { HOME: home, PATH: process.env['PATH'] };
  const surroundings: CredentialSurroundings = {
    env,
    cwd: home,
    uid: process.getuid?.() ?? null,
    clock: realClock,
    random,
    identity: () => Promise.resolve(offer),
  };
  const ask = () => Promise.resolve(offer ?? { failure: 'unreachable' as const, code: null, problem: 'No envelope answers.' });
  const rows = [createLogin(ask), logout, createWhoami(ask)].map((command) => ({
    name: command.name,
    load: () => Promise.resolve(command),
  }));
  const loginPath = (name = 'corp'): string => join(home, '.config', 'sealwright', 'logins', `${name}.json`);
  return {
    home,
    surroundings,
    get: credentialSources({ tokenFile: null, tokenCommand: null }, surroundings),
    run: async (argv, told = () => undefined, changes = {}) => {
      let stderr = '';
      const io: TestIo = createTestIo({
        environment: env,
        cwd: home,
        clock: realClock,
        random,
        ...changes,
        stderr: {
          write: (text: string) => {
            stderr += text;
            told(text, io);
          },
        },
      });
      const code = await runCli(rows, argv, io);
      return { code, stdout: io.written().stdout, stderr };
    },
    kept: (name) => JSON.parse(readFileSync(loginPath(name), 'utf8')) as Record<string, unknown>,
    loginPath,
  };
};

/** The page in what `login` told, if it stands there. */
export const pageIn = (text: string): string | null => /https?:\/\/\S+/.exec(text)?.[0] ?? null;

/** Has `visit` called once with the page that `login` names; what goes wrong there goes wrong in the test. */
export const visiting = (visit: (page: string) => Promise<unknown>) => {
  const visits: Promise<unknown>[] = [];
  return {
    told: (text: string): void => {
      const page = pageIn(text);
      if (page !== null && visits.length === 0) visits.push(visit(page));
    },
    done: async (): Promise<void> => {
      assert.equal(visits.length, 1);
      await Promise.all(visits);
    },
  };
};
