// Stages that only note that they ran, and a wire format of plain words, so that a test can follow the gate step by step.
// What a test wants otherwise it passes in; nothing here decides anything.

import type { Clock } from '../src/core/clock.ts';
import type { Crossing } from '../src/core/crossing.ts';
import type { UpstreamAnswer } from '../src/core/endpoint.ts';
import type { Receipt } from '../src/core/receipt.ts';
import type { Admission, Delivery, Ending, Judgement, Stages } from '../src/core/stages.ts';
import type { Reading, StreamPiece, StreamReader, WireFormat } from '../src/core/wire-format.ts';
import { createGate } from '../src/gate/gate.ts';

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
export const bytes = (words: string): Uint8Array => Buffer.from(words);

export const clock: Clock = { wallMs: () => 0, monotonicMs: () => 0, after: () => () => undefined };
export const receipt = (logId: string): Receipt => ({ logId, origin: 'test/model/standard/2026q1', index: 0 });
const invocation = {
  id: 'invocation',
  invoker: { userId: 'user_1', assurance: 'local_development' as const, issuer: null, groups: [] },
  agent: { id: 'sdk', client: 'sdk' as const, version: null, digest: null },
  role: 'demo',
  dataClassification: 'internal',
  containment: 'advisory' as const,
  digestKey: new Uint8Array(32),
};
const noFacts = {
  modelReported: null,
  upstreamRequestId: null,
  inputTokenCount: null,
  cachedInputTokenCount: null,
  outputTokenCount: null,
  errorType: null,
  notInspected: [],
};

/** A format whose stream is words: `tool` is a tool call, `end` the ending, `junk` cannot be read, anything else passes. */
const reader = (operation: string): StreamReader => ({
  push: function* (chunk): Generator<StreamPiece> {
    for (const word of text(chunk).split(/(?<= )/)) {
      const raw = bytes(word);
      if (word.trim() === 'tool' || word.trim() === 'hosted')
        yield {
          piece: 'tool_call',
          bytes: raw,
          call: { name: 'lookup', callId: 'call_1', arguments: bytes('{}'), hosted: word.trim() === 'hosted', notInspected: [] },
          refuse: (sentence) => bytes(`[${sentence}] `),
        };
      else if (word.trim() === 'end') yield { piece: 'ending', bytes: raw, failed: false };
      else if (word.trim() === 'error') yield { piece: 'ending', bytes: raw, failed: true };
      else if (word.trim() === 'junk') yield { piece: 'unreadable', problem: 'junk' };
      else yield { piece: 'pass', bytes: raw };
    }
  },
  // A format without a terminal event: whatever has come is whole once the bytes end.
  end: () => (operation === 'open-ended' ? [{ piece: 'ending', bytes: bytes('.'), failed: false }] : []),
  facts: () => ({ ...noFacts, errorType: operation === 'costly' ? 'costly' : 'cheap' }),
  slots: () => [],
  renderDenial: ({ code }) => bytes(`<${code}>`),
  renderFailure: ({ status }) => bytes(`<${status}>`),
  keepAlive: () => bytes('... '),
});

const format: Partial<WireFormat> = {
  name: 'words',
  requestIdHeader: 'request-id',
  answerHeaders: ['content-type'],
  readStream: reader,
  absorbs: (status) => status === 503,
  absorbsInStream: (errorType) => errorType === 'costly',
  answerWithinMs: () => null,
  tellsAsAnswer: (_client, operation, begun) => operation === 'told' && begun,
  readWhole: (body) =>
    text(body).startsWith('<')
      ? { malformed: 'not words' }
      : {
          facts: noFacts,
          toolCalls: text(body).includes('tool')
            ? [{ name: 'lookup', callId: 'call_1', arguments: bytes('{}'), hosted: false, notInspected: [] }]
            : [],
          slots: () => [],
          refuse: (refused) =>
            [...refused.values()].map((sentence) => ({
              start: text(body).indexOf('tool'),
              end: text(body).indexOf('tool') + 4,
              replacement: bytes(sentence),
            })),
        },
};

export const answerOf = (contentType: string, chunks: readonly string[], status = 200): UpstreamAnswer => ({
  status,
  headers: { 'content-type': contentType },
  address: null,
  attempts: 1,
  discard: () => undefined,
  body: (async function* () {
    for (const chunk of chunks) yield bytes(chunk);
  })(),
});

/** A permit for a candidate whose network lets streams through, or holds them back. */
export const permittedAt = (streaming: 'incremental' | 'buffered'): Judgement => ({
  decision: { verdict: 'permit', policies: ['p'], reason: '', mode: 'enforce', request: null, observed: null },
  denial: null,
  candidate: { endpoint: { id: 'e', topology: 'self-hosted', provider: 'own', region: 'local', streaming }, pin: 'm', reports: [] },
});

/** An admission without limits, but for what the test wants otherwise. */
export const admitted = (change: Partial<Admission> = {}): Admission => ({
  deadlineMs: null,
  deadlineSeconds: null,
  whenCutOff: () => () => undefined,
  hold: () => true,
  release: () => undefined,
  ...change,
});

export interface World {
  readonly stages: Stages;
  readonly happened: string[];
  readonly endings: Ending[];
}

export const createWorld = (answer: UpstreamAnswer, change: Partial<Stages> = {}): World => {
  const happened: string[] = [];
  const endings: Ending[] = [];
  const isStream = 'status' in answer && answer.headers['content-type'] === 'text/event-stream';
  const note = <T>(what: string, value: T): T => {
    happened.push(what);
    return value;
  };
  const stages: Stages = {
    nameTool: (_invocation, name) => name,
    toldAsAnswer: () => note('told as answer', undefined),
    identify: () => note('identify', invocation),
    // A stream is answered where one was asked for; a test that wants it otherwise says so.
    read: () => note('read', { reading: { streaming: isStream } as Reading }),
    settleToolResults: () => note('settle', undefined),
    inspect: () => note('inspect', { notInspected: [] }),
    decide: () =>
      note('decide', {
        decision: { verdict: 'permit', policies: ['p'], reason: '', mode: 'enforce', request: null, observed: null },
        denial: null,
        candidate: null,
      }),
    rememberDenied: () => note('remember', undefined),
    admit: () => note('admit', admitted({ release: () => note('release', undefined) })),
    transformOut: () => note('transform', bytes('sent')),
    recordIntent: async ({ crossing }) => note(`intent ${crossing.call.action}`, receipt('intent')),
    forward: async ({ crossing }) =>
      crossing.call.action === 'tool_call' ? note('hand over', { handedOver: true as const }) : note('forward', answer),
    recordOutcome: async (_recorded, ending) => {
      endings.push(ending);
      return note('outcome', receipt('outcome'));
    },
    recordDenial: async (_at, denial) => note(`denial ${denial.denial}`, 'denial-record'),
    sever: () => note('sever', undefined),
    ...change,
  };
  return { stages, happened, endings };
};

export const crossingOf = (gone = new AbortController().signal, operation = 'say'): Crossing => ({
  id: 'crossing',
  parentId: null,
  call: {
    action: 'model_request',
    format: format as WireFormat,
    operation,
    notCarried: null,
    method: 'POST',
    path: '/say',
    body: bytes('sent'),
    headers: {},
    query: '',
    clientIds: {},
  },
  sessionId: null,
  acceptedMs: 0,
  clientGone: gone,
});

export const deliver = (happened: string[]): { readonly delivery: Delivery; readonly delivered: () => string } => {
  const parts: string[] = [];
  return {
    delivery: {
      begin: (status) => void happened.push(`begin ${status}`),
      write: async (chunk) => {
        parts.push(text(chunk));
        happened.push(`write ${text(chunk).trim()}`);
      },
    },
    delivered: () => parts.join(''),
  };
};

export const run = async (world: World, gone?: AbortSignal, operation?: string) => {
  const { delivery, delivered } = deliver(world.happened);
  const crossed = await createGate(
    world.stages,
    clock,
    () => 'inner',
  )({ crossing: crossingOf(gone, operation), claim: { credential: 'c' } }, delivery);
  return { crossed, delivered: delivered() };
};
