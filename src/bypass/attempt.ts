// The vocabulary of the bypass kit: what is attempted, on which ways, and what must come of it. Data, so that one table serves every subject.
// What is expected is marked in the table, before anything is tried; a mark that a probe or an observation contradicts is a surprise.

export const groups = [
  'policy edge',
  'name tricks',
  'address tricks',
  'TLS',
  'HTTP parsing',
  'going round the proxy',
  'through what is allowed',
  'after the run',
] as const;
export type Group = (typeof groups)[number];

/**
 * Where an attempt is made. `config`: in what the guard is set up with. `connect`, `forward` (absolute form) and `model`: at a door, by whoever holds a
 * credential; with `jail-` from inside the jail. `jail`: inside it, past the doors. `host`: outside, behind the run.
 */
export const paths = [
  'config',
  'connect',
  'forward',
  'model',
  'jail',
  'jail-connect',
  'jail-forward',
  'jail-model',
  'socks',
  'transparent',
  'mcp',
  'host',
] as const;
export type Path = (typeof paths)[number];

export const marks = ['deny', 'detect', 'declared limit', 'not applicable'] as const;
export type Mark = (typeof marks)[number];

/** What is sent to a door: all of it, or what follows only once the door has answered 2xx. */
export interface Exchange {
  /** The bytes of each part; a part but the first is sent after a 2xx answer to the first, with a pause before it. */
  readonly parts: readonly (string | Uint8Array)[];
  /** Between two parts. */
  readonly pauseMs?: number;
  /** The parts are one stream: none waits for an answer. */
  readonly unasked?: true;
  /** How long an answer is waited for. */
  readonly patienceMs?: number;
}

/** A script that ends with 0 where it got through, with 1 where it did not; with anything else it could not be tried. */
export interface Script {
  readonly program: 'sh' | 'perl';
  readonly text: string;
}

/** What the other side of the guard saw. */
export interface Arrival {
  readonly kind: 'tcp' | 'udp' | 'name' | 'unix';
  /** The address that was dialled, the name that was asked for, or the path of the socket. */
  readonly at: string;
  readonly port: number;
  /** What came, in the clear where it was TLS to us; one character per byte. */
  text: string;
}

export interface Variant {
  readonly name: string;
  /** `mark` is a word that stands nowhere else: where it arrives, the attempt has arrived. */
  readonly does: (mark: string) => Exchange | Script;
  /** Which arrivals show that it got through, where the rule of the ground (`isLeak`) does not say it. */
  readonly leaked?: (arrival: Arrival, mark: string) => boolean;
}

/** What an envelope of ours can be asked beside what its doors answer: its files, its commands, and instances with other settings. */
export interface OwnSubject {
  /** What `check` says of a config that differs from the kit's. */
  readonly check: (edit: (config: string) => string) => Promise<Said>;
  /** A command of ours; `before` stands before it, such as a wrapper that takes something from it. */
  readonly sealwright: (argv: readonly string[], before?: readonly string[]) => Promise<Said>;
  /** Runs a script of `sh` as an agent of the kit's envelope, in the jail or beside it. */
  readonly run: (script: string, containment: 'jail' | 'advisory') => Promise<Said>;
  /** Does something while a further envelope with other settings runs; null where it does not start. */
  readonly beside: <T>(order: Beside, use: (envelope: BesideEnvelope) => Promise<T>) => Promise<T | null>;
  /** Sends an exchange to a door as it is, with no credential filled in. */
  readonly knock: (door: 'network' | 'model', exchange: Exchange) => Promise<Answered>;
  /** How many processes of the kit's network have a word in their command line. */
  readonly processes: (word: string) => number;
  readonly workspace: string;
  readonly dataDir: string;
  readonly control: string;
  readonly records: () => Promise<readonly LedgerRecord[]>;
}

export interface Beside {
  readonly edit: (config: string) => string;
  /** Its data lie on a file system of this many bytes. */
  readonly diskBytes?: number;
}

export interface BesideEnvelope {
  readonly control: string;
  /** Writes until nothing more fits where its data lie. */
  readonly fillDisk: () => void;
  /** Sends an exchange to its network door, as an agent that holds a credential. */
  readonly exchange: (exchange: Exchange) => Promise<Answered>;
  readonly arrivals: () => readonly Arrival[];
}

export type LedgerRecord = Readonly<Record<string, unknown>>;

export interface Said {
  readonly code: number | null;
  readonly text: string;
}

/** What came back of an exchange; `text` has one character per byte. */
export interface Answered {
  readonly status: number | null;
  readonly text: string;
  /** What came behind a 2xx answer to the first part. */
  readonly behind: string;
  readonly ended: 'closed' | 'open' | 'failed';
  /** Why nothing can be said: whoever was to send it is gone. */
  readonly lost?: string;
}

/** What was seen of a deed: whether it got through, and in a sentence what happened. */
export interface Seen {
  readonly through: boolean | 'detected';
  readonly what: string;
}

/** A deed on the envelope itself; only ours can be asked for it. */
export type Deed = (subject: OwnSubject) => Promise<Seen>;

/** A mechanism that an attempt needs and that is said to be missing; the probe tells whether it is. */
export type Mechanism =
  | 'socks listener'
  | 'transparent redirection'
  | 'tool door'
  | 'inspection of TLS'
  | 'path rules'
  | 'masking'
  | 'web sockets'
  | 'other system';

interface Common {
  readonly paths: readonly Path[];
}

export type Way =
  | (Common & { readonly expected: 'deny' | 'detect'; readonly variants: readonly Variant[] })
  | (Common & { readonly expected: 'declared limit'; readonly why: string; readonly variants: readonly Variant[] })
  | (Common & { readonly expected: 'deny' | 'detect'; readonly deed: Deed })
  | (Common & { readonly expected: 'not applicable'; readonly missing: Mechanism });

export interface Attempt {
  /** Stable; the number of the attempt in the list, with a letter where one number has several. */
  readonly id: string;
  readonly group: Group;
  readonly what: string;
  readonly ways: readonly Way[];
}

/** One line of the report. `actual` is `allow` where it got through and `error` where it could not be tried. */
export interface Result {
  readonly id: string;
  readonly group: Group;
  readonly path: Path;
  readonly expected: Mark;
  readonly actual: Mark | 'allow' | 'error';
  readonly pass: boolean;
  readonly reason: string;
  /** Each thing that was tried on this path. */
  readonly tried: readonly { readonly name: string; readonly actual: Mark | 'allow' | 'error'; readonly reason: string }[];
}
