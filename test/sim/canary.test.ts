// Bugs planted between the parts of the envelope: the simulation must find each of them, or it proves nothing.
// Each is one line of the kind that a careless change makes; each must break the invariant that stands against it within four hundred seeds.

import assert from 'node:assert/strict';
import { admitted } from '../gate-world.ts';
import type { Receipt } from '../../src/core/receipt.ts';
import type { DiskFile } from '../../src/disk/disk.ts';
import type { Planted } from './envelope.ts';
import { inThread } from '../thread.ts';
import { simulate } from './simulation.ts';

const test = inThread(import.meta.url);
const seedsMax = 400;

const finds = (bug: string, planted: () => Planted, rule: string): void => {
  test(`the simulation finds ${bug}`, async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= seedsMax; seed += 1) {
      const { violations } = await simulate(seed, { planted: planted() });
      for (const violation of violations) seen.add(violation.slice(0, violation.indexOf(': ')));
      if (seen.has(rule)) return;
    }
    assert.fail(`not found within ${seedsMax} seeds; broken were: ${[...seen].join(' | ')}`);
  });
};

const forged = (logId: string): Receipt => ({ logId, origin: 'sim/model/standard/2026q2', index: 0 });

/** Wraps the files that the journal writes. */
const journalFiles = (wrap: (file: DiskFile) => DiskFile): Planted => ({
  disk: (disk) => ({
    ...disk,
    openFile: async (path) => {
      const file = await disk.openFile(path);
      return file === null ? null : wrap(file);
    },
  }),
});

finds('a journal that is not synced', () => journalFiles((file) => ({ ...file, sync: async () => undefined })), 'a record is acknowledged only when it is durable'); // prettier-ignore

finds(
  'a failed sync that is tried again',
  () => journalFiles((file) => ({ ...file, sync: () => file.sync().catch(() => file.sync()) })),
  'nothing crosses after a failed sync',
);

finds(
  'a recorder that answers before the disk does',
  () => ({
    recorder: (recorder) => ({
      append: async (body) => {
        void recorder.append(body);
        return forged(body.log_id);
      },
    }),
  }),
  'a record is acknowledged only when it is durable',
);

finds(
  'folders that are not synced',
  () => ({ disk: (disk) => ({ ...disk, syncFolder: async () => undefined }) }),
  'what a crash leaves can be recovered',
);

/** Where the last byte that is not zero lies. */
const writtenEnd = (bytes: Uint8Array): number => bytes.findLastIndex((byte) => byte !== 0);

finds(
  'a recovery that cuts a whole batch from the end of the journal',
  () => ({
    disk: (disk) => ({
      ...disk,
      readFile: async (path) => {
        const bytes = await disk.readFile(path);
        return path.endsWith('.wal') && bytes !== null ? bytes.fill(0, Math.max(0, writtenEnd(bytes) - 8)) : bytes;
      },
    }),
  }),
  'a durable leaf never changes',
);

finds(
  'a checkpoint that is published without its bundles',
  () => ({
    disk: (disk) => ({ ...disk, replaceFiles: (files) => disk.replaceFiles(files.filter(({ path }) => !path.includes('/tile/entries/'))) }),
  }),
  'the folder verifies in the end',
);

finds(
  'an older checkpoint that comes back',
  () => {
    const first = new Map<string, Uint8Array>();
    const older = (path: string, bytes: Uint8Array): Uint8Array => {
      if (!path.endsWith('/checkpoint') || path.includes('/control/')) return bytes;
      const known = first.get(path) ?? bytes;
      first.set(path, known);
      return first.size % 2 === 0 ? known : bytes;
    };
    return {
      disk: (disk) => ({
        ...disk,
        replaceFiles: (files) => disk.replaceFiles(files.map(({ path, bytes }) => ({ path, bytes: older(path, bytes) }))),
      }),
    };
  },
  'a checkpoint continues the one before',
);

finds(
  'a request that is forwarded before its intent is durable',
  () => ({
    stages: (stages) => ({
      ...stages,
      recordIntent: async (transformed) => {
        void stages.recordIntent(transformed);
        return forged(transformed.crossing.id);
      },
    }),
  }),
  'no upstream byte without a durable intent',
);

finds(
  'a body that is changed after its intent',
  () => ({ transport: (send) => (request) => send({ ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) }) }),
  'the intent names the digest of what was sent',
);

finds(
  'an outcome that is recorded after the end of a stream',
  () => ({
    stages: (stages) => ({
      ...stages,
      recordOutcome: async (recorded, ending) => {
        void stages.recordOutcome(recorded, ending);
        return forged(recorded.intent.logId);
      },
    }),
  }),
  'no end of a stream before its outcome is durable',
);

finds(
  'a whole answer that does not wait for its outcome',
  () => ({
    stages: (stages) => ({
      ...stages,
      recordOutcome: async (recorded, ending) => {
        const outcome = stages.recordOutcome(recorded, ending);
        return ending.facts?.outputTokenCount === null ? outcome : forged(recorded.intent.logId);
      },
    }),
  }),
  'no whole answer before its outcome is durable',
);

finds(
  'an outcome that is lost when the client leaves',
  () => ({
    stages: (stages) => ({
      ...stages,
      recordOutcome: async (recorded, ending) =>
        recorded.crossing.clientGone.aborted ? forged(recorded.intent.logId) : stages.recordOutcome(recorded, ending),
    }),
  }),
  'a clean stop leaves no decision open',
);

finds(
  'an outcome that is recorded twice',
  () => ({
    stages: (stages) => ({
      ...stages,
      recordOutcome: async (recorded, ending) => {
        await stages.recordOutcome(recorded, ending);
        return stages.recordOutcome(recorded, ending);
      },
    }),
  }),
  'each permitted decision has exactly one outcome',
);

finds(
  'an outcome whose refusal nobody is told',
  () => ({
    stages: (stages) => ({
      ...stages,
      recordOutcome: async (recorded, ending) => {
        const outcome = await stages.recordOutcome(recorded, ending);
        return 'refused' in outcome ? forged(recorded.intent.logId) : outcome;
      },
    }),
  }),
  'an answer ends only after its outcome is durable',
);

finds(
  'an invocation that is not severed when its outcome is unrecorded',
  () => ({ stages: (stages) => ({ ...stages, sever: () => undefined }) }),
  'no crossing is accepted after its lease ended',
);

finds(
  'a tool call that is admitted after its invocation ended',
  () => ({
    stages: (stages) => ({
      ...stages,
      // The stream around it would be cut off as well: it takes both to go wrong.
      admit: (decided) => {
        if (decided.crossing.call.action === 'tool_call') return admitted();
        const admission = stages.admit(decided);
        return 'denial' in admission ? admission : { ...admission, whenCutOff: () => () => undefined };
      },
    }),
  }),
  'no crossing is accepted after its lease ended',
);

finds(
  'an upstream that goes on when the client has left',
  () => ({ stages: (stages) => ({ ...stages, forward: (recorded) => stages.forward(recorded, new AbortController().signal) }) }),
  'the upstream is cancelled when the client leaves or time is up',
);

finds(
  'a lease that never ends',
  () => ({
    invocations: (invocations) => {
      const known = new Map<string | null, ReturnType<typeof invocations.identify>>();
      return {
        ...invocations,
        identify: (credential) => {
          const found = invocations.identify(credential);
          if (!('denial' in found)) known.set(credential, found);
          return known.get(credential) ?? found;
        },
      };
    },
  }),
  'no crossing is accepted after its lease ended',
);

finds(
  'a heartbeat that never asks for a proof',
  () => ({
    invocations: (invocations) => ({ ...invocations, heartbeat: (id) => (invocations.heartbeat(id) === 'ended' ? 'ended' : 'alive') }),
  }),
  'a runner is asked for a proof when it is due, and only then',
);

finds(
  'a retry that no record counts',
  () => ({
    transport: (send) => async (request) => {
      const answer = await send(request);
      return 'failure' in answer ? send(request) : answer;
    },
  }),
  'every send is in the record',
);

finds(
  'a model that is forbidden and called',
  () => ({
    stages: (stages) => ({
      ...stages,
      decide: (inspected) => {
        const judgement = stages.decide(inspected);
        return { ...judgement, decision: { ...judgement.decision, mode: 'observe' } };
      },
    }),
  }),
  'a forbidden model is never called',
);

finds(
  'a tool call that is released without being recorded',
  () => ({
    stages: (stages) => ({
      ...stages,
      recordIntent: async (transformed) =>
        transformed.crossing.call.action === 'tool_call' ? forged(transformed.crossing.id) : stages.recordIntent(transformed),
    }),
  }),
  'a tool call is released only after its own durable permit',
);

finds(
  'a forbidden tool call that is released',
  () => ({
    stages: (stages) => ({
      ...stages,
      decide: (inspected) =>
        inspected.crossing.call.action === 'tool_call' ? { ...stages.decide(inspected), denial: null } : stages.decide(inspected),
    }),
  }),
  'a forbidden tool call is never released',
);

finds(
  'a denial without a record',
  () => ({ stages: (stages) => ({ ...stages, recordDenial: async () => null }) }),
  'a denial has its record, or none could be written',
);

finds(
  'a denial that is given an outcome',
  () => ({
    recorder: (recorder) => ({
      append: async (body) => {
        const receipt = await recorder.append(body);
        if (body['denial'] !== undefined)
          await recorder.append({ ...body, kind: 'outcome', log_id: `${body.log_id}-ended`, decision_log_id: body.log_id });
        return receipt;
      },
    }),
  }),
  'a denial has no outcome',
);

finds(
  'a record that quotes the prompt',
  () => ({
    recorder: (recorder) => ({
      append: (body) => recorder.append(body['model_asked'] === undefined ? body : { ...body, task: 'call-1. Where is my order?' }),
    }),
  }),
  'no record holds a prompt or a credential',
);

finds(
  'an answer that is altered on its way out',
  () => ({
    site: (site) => ({
      ...site,
      modelDoor: (number) => (request, answer) =>
        site.modelDoor(number)(request, { ...answer, write: (bytes) => answer.write(Buffer.from(Buffer.from(bytes).toString('latin1').replace('order', 'order '), 'latin1')) }), // prettier-ignore
    }),
  }),
  'what was not refused is released byte for byte',
);
