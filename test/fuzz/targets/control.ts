// Bodies and paths of the control plane: each is answered by a status of the table and a sentence, and no sentence quotes what was sent.
// Input: a line with method and path, then the body.

import assert from 'node:assert/strict';
import type { AuthorisePartsOfPlane, RouteParts } from '../../../src/admin/admin.ts';
import { createControlApp } from '../../../src/admin/admin.ts';
import { createCounting } from '../../../src/core/totals.ts';
import { invocationOf } from '../../policy-world.ts';
import { tryParse } from '../../client-reading/released.ts';
import type { Target } from '../target.ts';

const invocation = invocationOf();
const stop = { id: 's', scope: { kind: 'all', name: null }, reason: 'why', author: 'user_1', since: 't' } as const;
const taken: unknown[] = [];

const parts: RouteParts & AuthorisePartsOfPlane = {
  desk: {
    open: async (call) => {
      taken.push(call);
      return { invocation, credential: 'sw_x', runnerKey: 'swr_x', modelPins: ['m'], hostedTools: [] };
    },
    heartbeat: () => 'alive',
    prove: async () => 'proved',
    close: async (_id, _key, facts) => {
      taken.push(facts);
      return { totals: createCounting('opening').totals(), deniedRecords: [], recordId: 'r' };
    },
  },
  digests: { find: async () => null, keep: async (_user, facts, sha256) => void taken.push(facts, sha256) },
  stops: {
    stop: async (scope, reason) => {
      taken.push(scope, reason);
      return stop;
    },
    lift: async () => stop,
    inForce: () => [stop],
  },
  nameSubject: async () => 'corporate:x',
  logout: async () => 'done',
  agents: [],
  status: () => ({}),
  identity: () => ({}),
  doors: {},
  release: 'r',
  environment: 'development',
  deployment: 'laptop',
  plane: 'socket',
  prove: async () => ({ invoker: invocation.invoker }),
  decideControl: () => ({ verdict: 'permit', policies: [], reason: 'may', mode: 'enforce', observed: null, request: null }),
  recordRefusal: async () => undefined,
};
const health = {
  notReady: () => null,
  isServing: () => true,
  mayScrape: async () => null,
  metrics: () => ({ contentType: 'text/plain', text: '' }),
};
const app = createControlApp({ ...parts, health, version: '1' });

const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
};

/** Shorter words stand in our own sentences. */
const tellingCharacters = 12;

const check = async (input: Uint8Array): Promise<void> => {
  const newline = input.indexOf(0x0a);
  const [method = '', path = ''] = Buffer.from(input.subarray(0, Math.max(0, newline))).toString('latin1').split(' ', 2);
  if ((method !== 'POST' && method !== 'GET') || !/^\/[!-~]*$/.test(path)) return;
  const body = Buffer.from(input.subarray(newline + 1));
  taken.length = 0;
  const answer = await app.request(`http://control.invalid${path}`, {
    method,
    headers: { authorization: 'Bearer x', 'sealwright-runner': 'swr_x', 'content-type': 'application/json' },
    ...(method === 'POST' && { body }),
  });
  assert.ok([200, 201, 204, 400, 401, 403, 404, 409, 410, 503].includes(answer.status), `status ${answer.status}`);
  const text = await answer.text();
  if (answer.status < 400) return;
  assert.deepEqual(taken, [], 'what is refused was done');
  const { error } = JSON.parse(text) as { readonly error: { readonly code: string; readonly message: string } };
  assert.match(error.code, /^[a-z_]+$/);
  assert.ok(error.message.length > 0);
  for (const sent of textsIn(tryParse(body.toString()))) {
    // A place is named by its members.
    if (sent.length >= tellingCharacters && !/^[a-z_.]+$/.test(sent)) assert.ok(!error.message.includes(sent), 'a sentence quotes what was sent');
  }
}; // prettier-ignore

const facts = '{"device":"1","inode":"2","size_bytes":"3","modified_ns":"4","changed_ns":"5"}';
const seeds = [
  'POST /invocations\n{"agent":"sdk","role":null,"task":"x","containment":"jail","agent_digest":null,"facts":{"a":[1,{"b":null}]}}',
  'POST /invocations/i/heartbeat\n{}',
  'POST /invocations/i/prove\n{}',
  'POST /invocations/i/close\n{"facts":{"exit_code":0}}',
  `POST /digests/find\n${facts}`,
  `POST /digests\n${facts.replace('}', `,"sha256":"${'a'.repeat(64)}"}`)}`,
  'POST /stops\n{"scope":{"kind":"agent","name":"sdk"},"reason":"because"}',
  'POST /stops/s/lift\n{"reason":"because"}',
  'GET /stops\n',
  'GET /status\n',
  'GET /agents\n',
  'GET /subjects/user_1\n',
  'GET /openapi.json\n',
  'POST /backchannel-logout\nlogout_token=eyJ.eyJ.x',
];

export const target: Target = { kind: 'json', bytesMax: 2_048, seeds: () => seeds.map((text) => Buffer.from(text)), check };
