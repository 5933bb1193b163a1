// The recording stages: they turn a crossing at one stage into a record and hand it to the ledger.
// Each resolves only when the record is durable or has been refused; none rejects.

import type { Clock, Random } from '../core/clock.ts';
import { label } from '../core/identifier.ts';
import type { Recorder } from '../core/receipt.ts';
import { isRefusal } from '../core/receipt.ts';
import type { KeyedDigest } from '../core/record.ts';
import { denialRecord, intentRecord, invocationMembers, outcomeRecord } from '../core/record.ts';
import type { Stamp } from '../core/stamp.ts';
import { stampOf } from '../core/stamp.ts';
import type { Ending, Recorded, Stages, Transformed } from '../core/stages.ts';
import { tellingPart } from './telling-name.ts';

export interface RecordingParts {
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: KeyedDigest;
  /** Called for a caller whom nobody could identify: counted, not recorded one by one. */
  readonly unidentified: (from: string) => void;
}

type RecordingStages = Pick<Stages, 'recordIntent' | 'recordOutcome' | 'recordDenial'>;

export const createRecording = ({ recorder, clock, random, digest, unidentified }: RecordingParts): RecordingStages => {
  const stamp = (): Stamp => stampOf(clock, random);
  return {
    recordIntent: (transformed) => {
      const intent = recorder.append(intentRecord(transformed, stamp(), digest));
      const finding = nameFinding(transformed);
      if (finding !== null)
        void recorder.append({ ...invocationMembers(transformed.invocation), ...finding, ...stamp(), stream: 'agent', kind: 'finding' });
      return intent;
    },

    recordOutcome: async (recorded, ending) => {
      const durationMs = clock.monotonicMs() - recorded.crossing.acceptedMs;
      const outcome = recorder.append(outcomeRecord(recorded, ending, stamp(), durationMs));
      const finding = modelFinding(recorded, ending);
      if (finding !== null)
        void recorder.append({ ...invocationMembers(recorded.invocation), ...finding, ...stamp(), stream: 'model', kind: 'finding' });
      return outcome;
    },

    recordDenial: async (at, denial) => {
      if (!('invocation' in at)) {
        unidentified(at.from ?? 'unknown');
        return null;
      }
      const receipt = await recorder.append(denialRecord(at, denial, stamp(), digest));
      return isRefusal(receipt) ? null : receipt.logId;
    },
  };
};

/** A name that says more than which host is meant can say it to whoever answers for the domain. */
const nameFinding = ({ crossing: { id, call }, judgement: { terms } }: Transformed): Record<string, unknown> | null => {
  const name = call.action === 'network_connection' ? call.destination?.name : undefined;
  const domain = terms?.wildcard ?? null;
  const part = name === undefined || domain === null ? null : tellingPart(name, domain);
  if (part === null) return null;
  const sentence = `A host under *.${domain}, which a wildcard permits, ${part}; a name can carry data to whoever answers for the domain.`;
  return { crossing_id: id, finding: { code: 'telling_host_name', sentence, count: 1 } };
};

/** A provider that reports a model outside the pin's `reports` changed something that we pinned. */
const modelFinding = (recorded: Recorded, { facts }: Ending): Record<string, unknown> | null => {
  const { candidate } = recorded.judgement;
  const reported = facts?.modelReported ?? null;
  if (candidate === null || reported === null || reported === candidate.pin || candidate.reports.includes(reported)) return null;
  return {
    crossing_id: recorded.crossing.id,
    finding: {
      code: 'model_reported_differs',
      sentence: `The endpoint ${candidate.endpoint.id} was asked for ${candidate.pin} and reports ${label(reported)}.`,
      count: 1,
    },
  };
};
