import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointsConfig } from './config.ts';

const messages = (changes: Readonly<Record<string, unknown>>, name = 'claude'): readonly string[] => {
  const settings = {
    formats: ['anthropic-messages'],
    topology: 'vendor',
    provider: 'anthropic',
    region: 'us',
    base_url: 'https://api.example.com',
    models: [{ pin: 'm-1' }],
    ...changes,
  };
  return endpointsConfig.safeParse({ [name]: settings }).error?.issues.map(({ message }) => message) ?? [];
};

describe('an endpoint', () => {
  it('is reached over https', () => {
    assert.deepEqual(messages({}), []);
    assert.match(messages({ base_url: 'http://api.example.com' })[0] ?? '', /http:\/\/ is only for `topology: self-hosted`/);
    assert.deepEqual(messages({ base_url: 'http://10.0.0.7:8000/v1', topology: 'self-hosted' }), []);
    assert.match(messages({ base_url: 'ftp://api.example.com' })[0] ?? '', /must begin with https/);
    assert.match(messages({ base_url: 'api.example.com' })[0] ?? '', /must be a URL/);
  });

  it('carries no secret, query or fragment in its address', () => {
    assert.match(messages({ base_url: 'https://me:secret@api.example.com' })[0] ?? '', /must not carry a user or password/);
    assert.match(messages({ base_url: 'https://api.example.com?a=b' })[0] ?? '', /must not have a query/);
    assert.match(messages({ base_url: 'https://api.example.com#a' })[0] ?? '', /must not have a query/);
  });

  it('needs an address, unless it is the simulated one, which takes neither address nor credential', () => {
    assert.match(messages({ base_url: undefined })[0] ?? '', /is missing; only the provider `simulated` has none/);
    assert.deepEqual(messages({ base_url: undefined, provider: 'simulated' }), []);
    assert.equal(messages({ provider: 'simulated', credential: { env: 'KEY' } }).length, 2);
  });

  it('names a secret in one way only', () => {
    for (const credential of [{ env: 'KEY' }, { file: 'key' }, { command: ['print', 'key'] }])
      assert.deepEqual(messages({ credential }), []);
    for (const credential of ['secret', {}, { env: 'not a name' }, { env: 'A', file: 'b' }, { command: [] }]) {
      assert.equal(messages({ credential }).length, 1, JSON.stringify(credential));
    }
  });

  it('lists formats and models', () => {
    assert.equal(messages({ formats: [] }).length, 1);
    assert.equal(messages({ formats: ['morse'] }).length, 1);
    assert.equal(messages({ models: [] }).length, 1);
  });

  it('has a name that keeps its place in the order of the file', () => {
    assert.equal(messages({}, '2').length, 1);
    assert.equal(messages({}, 'a b').length, 1);
    assert.deepEqual(messages({}, 'eu-2.b'), []);
  });
});
