import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compatibleVariables } from './compatible.ts';

const place = { modelDoor: 'http://127.0.0.1:7420', credential: 'sw_secret', modelPins: ['a', 'b'] };

test('programs with variables of their own are pointed at the model door, with the first model of the role', () => {
  const variables = compatibleVariables(place);
  assert.equal(variables['COPILOT_PROVIDER_BASE_URL'], 'http://127.0.0.1:7420/openai/v1');
  assert.deepEqual([variables['COPILOT_MODEL'], variables['OPENAI_MODEL']], ['a', 'a']);
  const { provider, model } = JSON.parse(variables['OPENCODE_CONFIG_CONTENT'] ?? '') as {
    provider: Record<string, { models: object; options: { baseURL: string } }>;
    model: string;
  };
  assert.deepEqual([Object.keys(provider['sealwright']?.models ?? {}), model], [['a', 'b'], 'sealwright/a']);
  assert.ok(!(variables['OPENCODE_CONFIG_CONTENT'] ?? '').includes('sw_secret'));
});

test('a role without models names none', () => {
  const variables = compatibleVariables({ ...place, modelPins: [] });
  assert.ok(!('COPILOT_MODEL' in variables) && !('OPENAI_MODEL' in variables));
  assert.equal((JSON.parse(variables['OPENCODE_CONFIG_CONTENT'] ?? '') as { model?: string }).model, undefined);
});
