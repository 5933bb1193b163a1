import assert from 'node:assert/strict';
import { test } from 'node:test';
import { honestTunnel, requestTo, tunnelTo } from './attempts/exchanges.ts';
import { answersHere, createElsewhere, fixtureProblem, type Sight, standingsOf } from './elsewhere.ts';

const standings = standingsOf(['192.0.2.7', '10.9.9.9']);

const sightOf = (more: Partial<Sight> = {}) =>
  createElsewhere({
    standings,
    deaf: (port) => ([80, 443].includes(port) ? null : `not ${port}`),
    notAsked: async () => null,
    lookUp: async () => [],
    ...more,
  });

const plain = (authority: string) => ({ parts: [requestTo(`http://${authority}/mark`)] });

test('addresses of the kit become those of this machine, in every spelling, and those of others stay', () => {
  const [said] = sightOf().said({
    parts: ['11.0.0.66 11.0.0.10:80 184549442 11.66 [::ffff:11.0.0.66%x] 10.0.0.66 111.0.0.66 11.0.0.660 10.0.0.20'],
  }).parts;
  assert.equal(said, '192.0.2.7 192.0.2.7:80 3221225991 192.519 [::ffff:192.0.2.7%x] 10.9.9.9 111.0.0.66 11.0.0.660 10.0.0.20');
  const bytes = Buffer.from('11.0.0.66');
  assert.equal(sightOf().said({ parts: [bytes] }).parts[0], bytes);
});

test('a name leads to this machine by the kit, or nowhere: never to a machine of somebody else', () => {
  const answers = answersHere(standings);
  assert.deepEqual(answers('allowed.test', 0), { addresses: ['192.0.2.7'] });
  assert.deepEqual(answers('mixed.test', 0)?.addresses, ['192.0.2.7', '10.9.9.9']);
  assert.equal(answers('a-169-254-169-254.addr.test', 0), null);
  assert.equal(answersHere(standingsOf(['192.0.2.7']))('mixed.test', 0), null);
});

test('what would arrive at a machine of somebody else, or at a port where nobody listens, is not tried', async () => {
  const { unseen } = sightOf();
  for (const authority of ['169.254.169.254', 'localhost', '2130706433', '[::1]', 'metadata.google.internal', '10.1.2.3:80'])
    assert.match((await unseen(plain(authority))) ?? '', /needs the machine that this leads to/, authority);
  assert.match((await unseen(plain('a-10-1-2-3.addr.test'))) ?? '', /needs an address of another kind/);
  assert.match((await unseen(plain('allowed.test:2375'))) ?? '', /needs a port of the kit: not 2375/);
  assert.match((await unseen({ program: 'sh', text: 'true' })) ?? '', /own network/);
  for (const seen of [plain('evil.test'), plain('11.0.0.66:80'), honestTunnel('rebind.test')('m'), { parts: ['PRI * HTTP/2.0\r\n\r\n'] }])
    assert.equal(await unseen(seen), null);
  // 65536 and 80: who keeps sixteen bits of it ends up at a port that is heard.
  assert.equal(await unseen(plain('allowed.test:65616')), null);
});

test('without the name server of the kit only names are tried that lead to this machine as it looks them up itself', async () => {
  const lookUp = async (name: string) => (name === 'evil.test' ? ['192.0.2.7'] : name === 'shared.test' ? ['192.0.2.8'] : []);
  const { unseen } = sightOf({ notAsked: async () => 'nobody asked', lookUp });
  assert.equal(await unseen(plain('allowed.test')), null);
  assert.equal(await unseen(plain('evil.test')), null);
  for (const authority of [
    'shared.test',
    'evilallowed.test',
    'rebind.test',
    'x.wild.test',
    'allowed.test@evil.test',
    'evil.test\0.allowed.test',
  ])
    assert.match((await unseen(plain(authority))) ?? '', /name server before the proxy \(nobody asked\)/, authority);
  // A request that hides in the body of another leads somewhere too.
  assert.match(
    (await unseen({ parts: [`${requestTo('http://allowed.test/')}GET http://other.test/ HTTP/1.1\r\n\r\n`] })) ?? '',
    /nobody asked/,
  );
});

test('a header of a megabyte is looked through at once', async () => {
  const startMs = performance.now();
  await sightOf().unseen({ parts: [tunnelTo('evil.test:443', `X: ${'x'.repeat(1_048_576)}\r\n`)] });
  assert.ok(performance.now() - startMs < 1_000);
});

test('where the kit listens are addresses of IPv4, each once', () => {
  assert.equal(fixtureProblem(['192.0.2.7', '10.0.0.1']), null);
  assert.match(fixtureProblem(['kit.example.com']) ?? '', /no IPv4 address/);
  assert.match(fixtureProblem(['192.0.2.7', '192.0.2.7']) ?? '', /twice/);
});
