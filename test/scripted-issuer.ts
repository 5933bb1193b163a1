// An issuer that a test owns: keys, tokens signed with them byte by byte, and the documents that it answers, over a `send` without sockets.
// Whatever a test wants to forge can be forged: header, claims and signature are taken as they are given.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { UpstreamAnswer, UpstreamFailure } from '../src/core/endpoint.ts';
import { frozen } from '../src/core/frozen.ts';
import { identityConfig, type IdentitySettings } from '../src/identity/config.ts';
import { createIdentity, type Identity, type IdentityProblem, type Proof } from '../src/identity/identity.ts';
import type { IdentityWorld } from '../src/identity/world.ts';
import { readPlainJson } from '../src/wire/plain-json.ts';
import { createCountingRandom, createVirtualClock, type VirtualClock } from './virtual-clock.ts';

export interface TestKey {
  readonly algorithm: string;
  readonly keyId: string;
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly privateJwk: Readonly<Record<string, unknown>>;
  readonly publicKey: KeyObject;
  readonly sign: (input: string) => Buffer;
}

const curves: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

const pairOf = (algorithm: string, bits: number): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } => {
  const namedCurve = curves[algorithm];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve });
  if (algorithm.startsWith('Ed')) return generateKeyPairSync('ed25519');
  return generateKeyPairSync('rsa', { modulusLength: bits });
};

export const createTestKey = (algorithm = 'ES256', keyId = 'one', bits = 2_048): TestKey => {
  const { publicKey, privateKey } = pairOf(algorithm, bits);
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants;
  const how = algorithm.startsWith('PS')
    ? { padding, saltLength }
    : algorithm.startsWith('ES')
      ? { dsaEncoding: 'ieee-p1363' as const }
      : {};
  const named = { kid: keyId, alg: algorithm, use: 'sig' };
  return {
    algorithm,
    keyId,
    jwk: { ...publicKey.export({ format: 'jwk' }), ...named },
    privateJwk: { ...privateKey.export({ format: 'jwk' }), ...named },
    publicKey,
    sign: (input) => sign(algorithm.startsWith('Ed') ? null : `sha${algorithm.slice(2)}`, Buffer.from(input), { key: privateKey, ...how }),
  };
};

const base64url = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export interface Forgery {
  /** Members to add to the header, or to take out by `undefined`; a text stands for the whole of it. */
  readonly header?: Readonly<Record<string, unknown>> | string;
  readonly sign?: (input: string) => Uint8Array;
}

/** A compact JWS. Claims that are a text are taken byte for byte. */
export const tokenOf = (key: TestKey, claims: unknown, { header, sign: signWith = key.sign }: Forgery = {}): string => {
  const named = typeof header === 'string' ? header : { alg: key.algorithm, kid: key.keyId, ...header };
  const input = `${base64url(named)}.${base64url(claims)}`;
  return `${input}.${Buffer.from(signWith(input)).toString('base64url')}`;
};

export type Answer = () => Promise<UpstreamAnswer | UpstreamFailure> | UpstreamAnswer | UpstreamFailure;

const chunksOf = async function* (body: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
};

export const answer = (body: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): UpstreamAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: chunksOf(typeof body === 'string' ? body : JSON.stringify(body)),
  discard: () => undefined,
  address: null,
  attempts: 1,
});

export const unreachable: UpstreamFailure = { failure: 'unreachable', reason: 'The upstream could not be reached.', attempts: 1 };

export interface TestWorld extends IdentityWorld {
  readonly clock: VirtualClock;
  /** What each URL answers. */
  readonly answers: Map<string, Answer>;
  /** URLs that were asked for, with what may be dialled for each. */
  readonly asked: string[];
  readonly files: Map<string, Uint8Array>;
  readonly reads: () => number;
  /** The subject map. */
  readonly subjects: () => Readonly<Record<string, string>>;
  /** Makes the subject map fail. */
  readonly breakStore: (broken: boolean) => void;
}

export const createTestWorld = (): TestWorld => {
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  const files = new Map<string, Uint8Array>();
  let subjects: Readonly<Record<string, string>> = {};
  let reads = 0;
  let broken = false;
  const unbroken = (): void => {
    if (broken) throw new Error('the disk is full of marked-secret');
  };
  return {
    answers,
    asked,
    files,
    reads: () => reads,
    subjects: () => subjects,
    breakStore: (next) => {
      broken = next;
    },
    clock: createVirtualClock(),
    random: createCountingRandom(),
    readJson: readPlainJson,
    readFile: (path) => {
      const bytes = files.get(path);
      if (bytes === undefined) throw new Error('ENOENT');
      return bytes;
    },
    store: {
      read: async () => {
        unbroken();
        reads += 1;
        return subjects;
      },
      write: async (next) => {
        unbroken();
        subjects = next;
      },
    },
    send: async ({ origin, path, topology }) => {
      const url = new URL(path, origin).href;
      asked.push(`${topology} ${url}`);
      return (await answers.get(url)?.()) ?? unreachable;
    },
  };
};

export const issuerUrl = 'https://login.example.com/realm';
export const discoveryAt = `${issuerUrl}/.well-known/openid-configuration`;
export const keysAt = `${issuerUrl}/keys`;

/** Has the issuer answer with `keys` from now on. */
export const publish = ({ answers }: TestWorld, ...keys: readonly TestKey[]): void => {
  answers.set(discoveryAt, () => answer({ issuer: issuerUrl, jwks_uri: keysAt }));
  answers.set(keysAt, () => answer({ keys: keys.map(({ jwk }) => jwk) }));
};

export const settingsOf = (input: unknown): IdentitySettings => frozen(identityConfig.parse(input));

export const corporate = (settings: Readonly<Record<string, unknown>> = {}): IdentitySettings =>
  settingsOf({
    issuers: { corporate: { url: issuerUrl, groups: { 'Eng Team': 'engineers', Ops: 'operators' }, ...settings } },
    groups: { engineers: {}, operators: {}, everybody: {} },
  });

export const opened = (settings: IdentitySettings, world: IdentityWorld): Identity => {
  const identity = createIdentity(settings, world);
  if ('problem' in identity) throw new Error(identity.problem);
  return identity;
};

/** Claims of somebody's token that is valid for ten minutes of the world's time. */
export const claimsAt = ({ clock }: TestWorld, change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => {
  const nowSeconds = Math.floor(clock.wallMs() / 1_000);
  return { iss: issuerUrl, sub: 'marked-somebody', aud: 'sealwright', iat: nowSeconds, exp: nowSeconds + 600, ...change };
};

export const proved = (outcome: Proof | IdentityProblem): Proof => {
  assert.ok(!('problem' in outcome), JSON.stringify(outcome));
  return outcome;
};

/**
 * Why a credential is refused. Whatever the credential says is marked in these tests (`marked-…`): the sentence may hold none of that, no part
 * of the credential, and no text of an answer or a disk.
 */
export const refusalOf = (outcome: object, credential = ''): IdentityProblem => {
  assert.ok('problem' in outcome && 'message' in outcome, `accepted: ${JSON.stringify(outcome)}`);
  const { problem, message } = outcome as IdentityProblem;
  assert.match(message, /^[A-Z].*[.]$/);
  assert.ok(!/marked/i.test(message), message);
  for (const part of credential.split('.')) assert.ok(part.length < 8 || !message.includes(part), message);
  return { problem, message };
};
