// A receipt proves that a record is durable: it is returned only after the disk confirmed it.
// What could not be made durable is a `RecordRefusal`, a value that says whether it may pass.

export interface Receipt {
  readonly logId: string;
  /** `DEPLOYMENT/STREAM/CLASS/YYYYqN` */
  readonly origin: string;
  /** Index of the leaf in the log of that origin. */
  readonly index: number;
}

export type Stream = 'agent' | 'model' | 'control';
export const streams: readonly Stream[] = ['agent', 'model', 'control'];

export type RecordKind = 'opened' | 'closed' | 'decision' | 'outcome' | 'finding' | 'change' | 'recovery' | 'checkpoint_set';

/** Why a record could not be made durable. `sealed` is final for this process; `full` and `slow` may pass. */
export interface RecordRefusal {
  readonly refused: 'sealed' | 'full' | 'slow' | 'backpressure' | 'too_large' | 'malformed';
  readonly problem: string;
}

export const isRefusal = (result: Receipt | RecordRefusal): result is RecordRefusal => 'refused' in result;

/** Members that every record has; the rest depends on kind and crossing and is listed in `record.ts`. */
export interface RecordBody {
  readonly log_id: string;
  readonly timestamp: string;
  readonly stream: Stream;
  readonly kind: RecordKind;
  readonly [member: string]: unknown;
}

/** The one way into the ledger. Resolves when the record is durable, or says why it is not; never rejects. */
export interface Recorder {
  readonly append: (body: RecordBody) => Promise<Receipt | RecordRefusal>;
}
