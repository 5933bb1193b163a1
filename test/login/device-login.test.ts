// Signing in on another device, at a real issuer and at scripted ones that are slow, fail or lie.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import type { Clock } from '../../src/core/clock.ts';
import { http } from '../loopback.ts';
import { browse } from './browser.ts';
import { startIssuer } from './issuer.ts';
import { createPerson, fastClock, offerFor } from './signing-in.ts';

const onTerminal = { stdin: true, stdout: true, stderr: true };

test('a person enters the code on another device, and this machine is signed in with a refresh token', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  const entered: Promise<unknown>[] = [];
  const { code, stdout, stderr } = await person.run(
    ['login', '--device'],
    (text) => {
      const [page] = /http:\S+user_code=\S+/.exec(text) ?? [];
      if (page !== undefined) entered.push(browse(page).then((back) => assert.equal(back, null)));
    },
    { clock: fastClock, isTerminal: onTerminal },
  );
  assert.equal(entered.length, 1);
  await Promise.all(entered);
  assert.deepEqual([code, stdout], [0, 'signed in at corp as alice\n'], stderr);
  assert.match(stderr, /enter the code [A-Z0-9-]+/);
  assert.match(stderr, /waiting for you to sign in/);
  assert.ok('credential' in (await person.get({ plane: 'invocation', fresh: true })));
});

test('a person who says no on the other device, or interrupts here, is not signed in', async (t) => {
  const issuer = await startIssuer(t);
  const person = createPerson(t, offerFor(issuer.url));
  issuer.interfere.with = ({ url = '' }, answer) => {
    if (url !== '/token') return false;
    answer.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"access_denied"}');
    return true;
  };
  const denied = await person.run(['login', '--device'], undefined, { clock: fastClock });
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /refuses: access_denied/);
  const interrupted = await person.run(
    ['login', '--device'],
    (text, io) => void (text.includes('enter') && setImmediate(() => io.interrupt('SIGINT'))),
  );
  assert.equal(interrupted.code, 1);
  assert.match(interrupted.stderr, /interrupted/);
  assert.throws(() => statSync(person.loginPath()));
});

/** Time that passes only where somebody waits, at once and exactly. */
const waitingClock = (): Clock => {
  let nowMs = 0;
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => nowMs,
    after: (delayMs, run) => {
      const soon = setImmediate(() => {
        nowMs += delayMs;
        run();
      });
      return () => clearImmediate(soon);
    },
  };
};

interface Script {
  readonly device: object;
  /** What the token endpoint answers, one after the other; the last one stays. */
  readonly answers: readonly (object | number)[];
}

const scripted = async (t: TestContext, { device, answers }: Script) => {
  const clock = waitingClock();
  const asked: number[] = [];
  let url = '';
  const upstream = await http(t, (sent, answer) => {
    const json = (status: number, body: object): unknown =>
      answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (sent.url === '/.well-known/openid-configuration')
      return json(200, { issuer: url, token_endpoint: `${url}/token`, device_authorization_endpoint: `${url}/device` });
    if (sent.url === '/device')
      return json(200, { device_code: 'd', user_code: 'ABCD', verification_uri: `${url}/enter`, expires_in: 600, ...device });
    asked.push(clock.monotonicMs());
    const next = answers[Math.min(asked.length, answers.length) - 1];
    return typeof next === 'number' ? answer.writeHead(next).end() : json(400, next ?? {});
  });
  url = `http://127.0.0.1:${upstream.port}`;
  return { url, asked, clock };
};

const pending = { error: 'authorization_pending' };

test('the issuer is asked no faster than it wants, and slower after it says so or fails', async (t) => {
  const { url, asked, clock } = await scripted(t, {
    device: { interval: 2 },
    answers: [pending, { error: 'slow_down' }, 503, { error: 'expired_token' }],
  });
  const { code, stderr } = await createPerson(t, offerFor(url)).run(['login', '--device'], undefined, { clock });
  assert.equal(code, 1);
  assert.match(stderr, /expired_token/);
  // Every 2 s as it wants; 5 s more after `slow_down`; twice that after a failure.
  assert.deepEqual(asked, [2_000, 4_000, 11_000, 25_000]);
});

test('a code that nobody enters ends the wait when it expires', async (t) => {
  const { url, asked, clock } = await scripted(t, { device: { expires_in: 12 }, answers: [pending] });
  const { code, stderr } = await createPerson(t, offerFor(url)).run(['login', '--device'], undefined, { clock });
  assert.equal(code, 1);
  assert.match(stderr, /ABCD was not entered in time/);
  assert.deepEqual(asked, [5_000, 10_000]);
});

test('a code or page that would write over a terminal, or that leads elsewhere than to the issuer’s kind of page, is not shown', async (t) => {
  for (const device of [
    { user_code: 'A\u001B[2J' },
    { verification_uri: 'file:///etc/passwd' },
    { verification_uri: 'http://192.0.2.1/' },
  ]) {
    const { url, asked, clock } = await scripted(t, { device, answers: [pending] });
    const { code, stderr } = await createPerson(t, offerFor(url)).run(['login', '--device'], undefined, { clock });
    assert.equal(code, 1);
    assert.match(stderr, /cannot be shown/);
    assert.ok(!stderr.includes('\u001B'));
    assert.equal(asked.length, 0);
  }
});
