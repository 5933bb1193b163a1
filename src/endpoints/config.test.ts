import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointsConfig, priceOf } from './config.ts';

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

  it('may say what a pin costs, in numbers that millionths can hold', () => {
    const priced = (price: unknown): readonly string[] => messages({ models: [{ pin: 'm-1', price }] });
    const whole = { currency: 'USD', input_per_million: 3, output_per_million: 15 };
    assert.deepEqual(priced(whole), []);
    assert.deepEqual(priced({ ...whole, cached_input_per_million: 0.075 }), []);
    assert.match(priced({ ...whole, input_per_million: 0.000_000_5 })[0] ?? '', /at most six decimal places/);
    assert.match(priced({ ...whole, currency: 'usd' })[0] ?? '', /three capital letters/);
    for (const wrong of [{ input_per_million: -1 }, { output_per_million: '15' }, { output_per_million: 1e7 }, { per_call: 1 }])
      assert.equal(priced({ ...whole, ...wrong }).length, 1, JSON.stringify(wrong));
    assert.equal(priced({ currency: 'USD', input_per_million: 3 }).length, 1);
    const { currency: _, ...withoutCurrency } = whole;
    assert.equal(priced(withoutCurrency).length, 1);
    assert.deepEqual(priceOf({ ...whole, input_per_million: 0.15 }), {
      currency: 'USD',
      inputMicros: 150_000,
      cachedInputMicros: null,
      outputMicros: 15_000_000,
    });
  });

  it('names a secret in one way only', () => {
    for (const credential of [{ env: 'KEY' }, { file: 'key' }, { command: ['print', 'key'] }])
      assert.deepEqual(messages({ credential }), []);
    for (const credential of ['secret', {}, { env: 'not a name' }, { env: 'A', file: 'b' }, { command: [] }]) {
      assert.equal(messages({ credential }).length, 1, JSON.stringify(credential));
    }
  });

  it('is reached through a proxy that is named by its address alone', () => {
    const proxy = (settings: unknown) => messages({ via: { proxy: settings } });
    assert.deepEqual(proxy({ url: 'http://proxy.example:3128' }), []);
    assert.deepEqual(proxy({ url: 'https://[2001:db8::1]', credential: { env: 'PROXY' } }), []);
    assert.match(proxy({ url: 'proxy.example:3128' })[0] ?? '', /must begin with http/);
    assert.match(proxy({ url: 'proxy' })[0] ?? '', /must be a URL/);
    assert.match(proxy({ url: 'socks5://proxy.example' })[0] ?? '', /must begin with http/);
    assert.match(proxy({ url: 'http://me:secret@proxy.example' })[0] ?? '', /must not carry a user or password/);
    for (const rest of ['/path', '/?a=b', '/#a']) assert.match(proxy({ url: `http://proxy.example${rest}` })[0] ?? '', /nothing behind/);
    assert.equal(proxy('http://proxy.example').length, 1);
    assert.equal(proxy({ url: 'http://proxy.example', credential: 'me:secret' }).length, 1);
    assert.equal(messages({ via: { ca: '' } }).length, 1);
    assert.deepEqual(messages({ via: {} }), []);
    assert.match(messages({ base_url: undefined, provider: 'simulated', via: {} })[0] ?? '', /reached through nothing/);
  });

  it('streams as it is made unless it says otherwise', () => {
    assert.deepEqual(messages({ streaming: 'buffered' }), []);
    assert.equal(messages({ streaming: 'sometimes' }).length, 1);
  });

  it('names a header field only for a credential that it has', () => {
    assert.deepEqual(messages({ credential: { env: 'KEY' }, credential_header: 'authorization' }), []);
    assert.equal(messages({ credential: { env: 'KEY' }, credential_header: 'cookie' }).length, 1);
    assert.match(messages({ credential_header: 'authorization' })[0] ?? '', /that is not there/);
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
