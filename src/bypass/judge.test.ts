import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answered, Arrival, Attempt, Exchange, LedgerRecord, OwnSubject, Path, Said, Way } from './attempt.ts';
import type { Bench } from './judge.ts';
import { judge } from './judge.ts';

const answered: Answered = { status: 403, text: 'HTTP/1.1 403 Forbidden\r\n\r\n', behind: '', ended: 'closed' };

/** A bench whose only path is a door; `reply` is what the door answers, `arriving` what it lets through of what was sent. */
const benchOf = ({
  reply = answered,
  arriving = () => null,
  script = { code: 1, text: '' },
  records = null,
}: {
  readonly reply?: Answered;
  readonly arriving?: (sent: string) => Omit<Arrival, 'kind'> | null;
  readonly script?: Said;
  readonly records?: readonly LedgerRecord[] | null;
}): Bench => {
  const arrivals: Arrival[] = [];
  const exchange = async (_door: string, { parts }: Exchange): Promise<Answered> => {
    const arrived = arriving(parts.join(''));
    if (arrived !== null) arrivals.push({ kind: 'tcp', ...arrived });
    return reply;
  };
  const trier = { network: null, model: null, exchange, script: async () => script, end: async () => undefined };
  return {
    places: new Map<Path, { readonly trier: typeof trier; readonly door: string | null }>([
      ['connect', { trier, door: 'http://127.0.0.1:1' }],
      ['jail', { trier, door: null }],
    ]),
    own: records === null ? null : ({ records: async () => records } as Partial<OwnSubject> as OwnSubject),
    arrivals: () => arrivals,
    has: async (mechanism) => ({ there: mechanism === 'masking', how: 'looked for' }),
  };
};

const attempt = (...ways: readonly Way[]): Attempt => ({ id: '1', group: 'TLS', what: 'something', ways });
const sends = (text: (mark: string) => string): Extract<Way, { variants: unknown }>['variants'] => [
  { name: 'it', does: (mark) => ({ parts: [text(mark)] }) },
];
const judged = async (way: Way, bench: Bench) => {
  const [result] = await judge([attempt(way)], bench, () => undefined);
  return [result?.actual, result?.pass] as const;
};
const denying: Way = { paths: ['connect'], expected: 'deny', variants: sends((mark) => mark) };

test('what arrives got through, whatever the door answers; what does not was denied', async () => {
  assert.deepEqual(await judged(denying, benchOf({})), ['deny', true]);
  const passing = benchOf({ arriving: (text) => ({ at: '11.0.0.10', port: 443, text }) });
  assert.deepEqual(await judged(denying, passing), ['allow', false]);
});

test('a connection to a place that nobody allowed got through, without the mark too; one to an allowed place did not', async () => {
  assert.deepEqual(await judged(denying, benchOf({ arriving: () => ({ at: '11.0.0.66', port: 443, text: '' }) })), ['allow', false]);
  assert.deepEqual(await judged(denying, benchOf({ arriving: () => ({ at: '11.0.0.10', port: 25, text: '' }) })), ['allow', false]);
  assert.deepEqual(await judged(denying, benchOf({ arriving: () => ({ at: '11.0.0.10', port: 443, text: '' }) })), ['deny', true]);
});

test('a script gets through by ending with 0, does not by ending with 1, and anything else is no answer', async () => {
  const way: Way = { paths: ['jail'], expected: 'deny', variants: [{ name: 'it', does: () => ({ program: 'sh', text: 'x' }) }] };
  for (const [code, actual] of [
    [0, 'allow'],
    [1, 'deny'],
    [2, 'error'],
    [127, 'error'],
    [null, 'error'],
  ] as const)
    assert.deepEqual(await judged(way, benchOf({ script: { code, text: '' } })), [actual, code === 1]);
});

test('whoever was to try and is gone is an error, never a denial', async () => {
  assert.deepEqual(await judged(denying, benchOf({ reply: { ...answered, status: null, lost: 'gone' } })), ['error', false]);
});

test('a declared limit may hold or not, and what is to be detected passes only with a finding about it', async () => {
  const arriving = (text: string) => ({ at: '11.0.0.10', port: 443, text });
  const limit: Way = { paths: ['connect'], expected: 'declared limit', why: 'encrypted', variants: sends((mark) => mark) };
  assert.deepEqual(await judged(limit, benchOf({ arriving })), ['allow', true]);
  assert.deepEqual(await judged(limit, benchOf({})), ['deny', true]);
  const detecting: Way = {
    paths: ['connect'],
    expected: 'detect',
    variants: [{ name: 'it', does: () => ({ parts: ['x'] }), leaked: () => true }],
  };
  assert.deepEqual(await judged(detecting, benchOf({ arriving, records: [] })), ['allow', false]);
  assert.deepEqual(await judged(detecting, benchOf({ arriving })), ['allow', false]);
  let mark = '';
  const marking: Way = { ...detecting, variants: sends((given) => (mark = given)) };
  const records: LedgerRecord[] = [{ kind: 'finding', crossing_id: 'c' }];
  const bench = benchOf({
    arriving: (text) => {
      records.push({ kind: 'decision', crossing_id: 'c', destination: { name: `${mark}.wild.test` } });
      return arriving(text);
    },
    records,
  });
  assert.deepEqual(await judged(marking, bench), ['detect', true]);
});

test('what is said to be missing is looked for, and a path that the subject has not is left out', async () => {
  assert.deepEqual(await judged({ paths: ['socks'], expected: 'not applicable', missing: 'socks listener' }, benchOf({})), [
    'not applicable',
    true,
  ]);
  assert.deepEqual(await judged({ paths: ['model'], expected: 'not applicable', missing: 'masking' }, benchOf({})), ['error', false]);
  assert.deepEqual(await judge([attempt({ ...denying, paths: ['forward'] })], benchOf({}), () => undefined), []);
});

test('a denial that names a record which the ledger does not hold as one is none', async () => {
  const reply = { ...answered, text: 'HTTP/1.1 403 Forbidden\r\nx-sealwright-record: r1\r\n\r\n' };
  const decision = (verdict: string): LedgerRecord => ({ kind: 'decision', log_id: 'r1', decision: { verdict } });
  assert.deepEqual(await judged(denying, benchOf({ reply, records: [decision('deny')] })), ['deny', true]);
  assert.deepEqual(await judged(denying, benchOf({ reply, records: [{ kind: 'outcome', log_id: 'r1', success: false }] })), ['deny', true]);
  for (const records of [[], [decision('permit')]]) assert.deepEqual(await judged(denying, benchOf({ reply, records })), ['error', false]);
});

test('a deed is done only on a subject of ours, and one that fails is an error', async () => {
  const way: Way = { paths: ['host'], expected: 'detect', deed: async () => ({ through: 'detected', what: 'seen' }) };
  assert.deepEqual(await judge([attempt(way)], benchOf({}), () => undefined), []);
  assert.deepEqual(await judged(way, benchOf({ records: [] })), ['detect', true]);
  const failing: Way = { paths: ['host'], expected: 'deny', deed: () => Promise.reject(new Error('broken')) };
  assert.deepEqual(await judged(failing, benchOf({ records: [] })), ['error', false]);
});
