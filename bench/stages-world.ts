// The stages of a crossing in one process, without sockets: the real policies, invocations, wire formats and gate stages over a real ledger on disk.
// For bench/stages.ts, which times them one by one. Whoever opens it closes it; its folder goes with it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../src/config/config.ts';
import { uuidv7 } from '../src/core/identifier.ts';
import type { Decided, Identified, Inspected, Read, Received, Recorded, Stages, Transformed } from '../src/core/stages.ts';
import { createDisk } from '../src/disk/disk.ts';
import { createEndpoints } from '../src/endpoints/endpoints.ts';
import { createShares } from '../src/invocations/admission.ts';
import { createInvocations } from '../src/invocations/invocations.ts';
import { createUnderWay } from '../src/invocations/under-way.ts';
import { isLedgerProblem, openLedger } from '../src/ledger/ledger.ts';
import { processIo } from '../src/main.ts';
import { createPolicy } from '../src/policy/policy.ts';
import { createDeniedContent } from '../src/privacy/privacy.ts';
import { composeStages, keyedDigest } from '../src/spine.ts';
import { openaiChat } from '../src/wire/openai-chat.ts';
import { createReadingMemories } from '../src/wire/reading-memory.ts';
import { modelOf, requestBody, wholeAnswer } from './load/exchange.ts';

const KB = 1_000;

const configText = (folder: string): string => `
environment: production
data_dir: ${folder}
identity: { local_development: true }
agents: { bench: { client: sdk, roles: [bench] } }
agent_roles: { bench: { allowed_models: [${modelOf('quick')}], allowed_tools: [get_order_status], data_classification: internal } }
endpoints:
  upstream:
    formats: [openai-chat]
    topology: self-hosted
    provider: scripted
    region: local
    base_url: http://127.0.0.1:1
    models: [{ pin: ${modelOf('quick')}, price: { currency: USD, input_per_million: 3, output_per_million: 15 } }]
`;

export interface StagesWorld {
  readonly ledgerFolder: string;
  /** Each takes what the stage before it gave. */
  readonly identify: () => Identified;
  /** As one that was identified just now, with what another one said. */
  readonly identifiedAnew: (read: Read) => Read;
  readonly read: (identified: Identified) => Read;
  readonly readAnswer: (read: Read) => void;
  readonly decide: (read: Read) => Decided;
  /** The two records of one crossing; resolves when both are durable. */
  readonly record: (decided: Decided) => Promise<void>;
  /** Closes the ledger, whose files can be read from then on. */
  readonly closeLedger: () => Promise<void>;
  readonly remove: () => void;
}

const body = requestBody({ format: 'openai-chat', manner: 'quick', bytes: KB, streaming: false });
const answer = wholeAnswer('openai-chat', modelOf('quick'));
const path = '/v1/chat/completions';

const needed = <T>(value: T): Exclude<T, { readonly denial: unknown } | { readonly refused: unknown }> => {
  if (typeof value === 'object' && value !== null && ('denial' in value ? value.denial !== null : 'refused' in value || 'problem' in value))
    throw new Error(JSON.stringify(value));
  return value as Exclude<T, { readonly denial: unknown } | { readonly refused: unknown }>;
};

const readAnswer = () => {
  const read = openaiChat.readWhole(answer, { operation: 'chat_completions', status: 200 });
  if ('malformed' in read) throw new Error(read.malformed);
  return read;
};

const openRooms = async (folder: string) => {
  const { clock, random } = processIo();
  const loaded = parseConfig(Buffer.from(configText(folder)), folder);
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
  const { config } = loaded;
  const policy = createPolicy(config, [], clock);
  if ('problems' in policy) throw new Error(JSON.stringify(policy.problems));
  const ledger = await openLedger(
    {
      directory: join(folder, 'ledger'),
      privateDirectory: join(folder, 'private'),
      stateDirectory: join(folder, 'state'),
      deploymentName: config.ledger.name,
      retentionClass: config.ledger.retention_class,
      environment: config.environment,
      deployment: config.server.deployment,
      release: 'f'.repeat(64),
      segmentBytes: config.ledger.segment_bytes,
      knownCheckpoints: [],
    },
    { disk: createDisk(), clock, random, endOfTurn: () => new Promise((resolve) => void setImmediate(resolve)) },
  );
  if (isLedgerProblem(ledger)) throw new Error(ledger.problem);
  const invocations = createInvocations({
    // No lease ends here, since nobody renews it.
    clock: { ...clock, monotonicMs: () => 0 },
    random,
    recorder: ledger,
    digest: keyedDigest,
    newDigestKey: async () => random.bytes(32),
    keptDigestKey: async () => null,
    starting: async () => undefined,
    ended: () => undefined,
    reproveMs: null,
  });
  const opened = await invocations.open({
    agent: { id: 'bench', client: 'sdk', version: null, digest: null },
    invoker: { userId: 'user_1', assurance: 'local_development', issuer: null, groups: [] },
    role: 'bench',
    dataClassification: 'internal',
    containment: 'advisory',
    sessionDigest: null,
    task: null,
    facts: {},
  });
  if ('refused' in opened) throw new Error(opened.problem);
  const nowhere = () => {
    throw new Error('nothing is sent from here');
  };
  const stages: Stages = composeStages({
    toolName: (_client, name) => name,
    clock,
    random,
    recorder: ledger,
    invocations,
    decisions: policy,
    endpoints: createEndpoints(config.endpoints, () => nowhere, { clock, random }),
    network: { termsFor: () => ({ tls: true, addresses: null, wildcard: null }), forward: nowhere },
    privacy: config.privacy,
    denied: createDeniedContent({ store: { read: async () => null, write: async () => undefined }, clock, random }),
    memories: createReadingMemories(),
    stops: { denialFor: () => null },
    underWay: createUnderWay(),
    responseSecondsMax: () => null,
    shares: createShares(),
    unidentified: () => undefined,
  });
  const close = async (): Promise<void> => {
    invocations.stop();
    await ledger.close();
  };
  return { clock, random, stages, credential: opened.credential, close };
};

export const openStagesWorld = async (): Promise<StagesWorld> => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-stages-'));
  const { clock, random, stages, credential, close } = await openRooms(folder);
  const clientGone = new AbortController().signal;
  const received = (): Received => ({
    crossing: {
      id: uuidv7(clock, random),
      parentId: null,
      call: {
        action: 'model_request',
        format: openaiChat,
        operation: 'chat_completions',
        method: 'POST',
        notCarried: null,
        path,
        body,
        headers: {},
        query: '',
        clientIds: {},
      },
      sessionId: null,
      acceptedMs: clock.monotonicMs(),
      clientGone,
    },
    claim: { credential },
    from: 'bench',
  });
  const record: StagesWorld['record'] = async (decided) => {
    const transformed = { ...decided, outbound: body } as unknown as Transformed;
    const intent = needed(await stages.recordIntent(transformed));
    const outcome = await stages.recordOutcome({ ...transformed, intent } as unknown as Recorded, {
      success: true,
      errorMessage: null,
      facts: readAnswer().facts,
      status: 200,
      address: '127.0.0.1',
      attempts: 1,
      bytesSent: body.length,
      bytesReceived: answer.length,
      responseDigest: keyedDigest(decided.invocation, answer),
      toolsCalled: [],
      toolCallsRefused: 0,
    });
    needed(outcome);
  };
  return {
    ledgerFolder: join(folder, 'ledger'),
    identify: () => {
      const asked = received();
      return { ...asked, invocation: needed(stages.identify(asked)) } as unknown as Identified;
    },
    identifiedAnew: (read) => ({ ...read, invocation: needed(stages.identify({ crossing: read.crossing, claim: { credential } })) }),
    read: (identified) => ({ ...identified, ...needed(stages.read(identified)) }) as unknown as Read,
    readAnswer: () => void readAnswer(),
    decide: (read) => {
      const inspected = { ...read, inspection: needed(stages.inspect(read)) } as unknown as Inspected;
      const judgement = stages.decide(inspected);
      if (judgement.denial !== null) throw new Error(JSON.stringify(judgement.denial));
      return { ...inspected, judgement } as unknown as Decided;
    },
    record,
    closeLedger: close,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};
