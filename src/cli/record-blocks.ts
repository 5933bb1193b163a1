// The records of a page: each row's records as JSON with their places in the ledger, and once what they have in common.
// Pure; escaping is that of `markup.ts`.

import type { Row, StoredRecord } from '../ledger/reading.ts';
import { jsonText, markup, type Markup } from './markup.ts';
import { isReference, shareMembers, shareOfTwo, type Shared, type TakenApart } from './record-parts.ts';

export interface RecordBlocks {
  readonly of: (row: Row) => Markup;
  /** The section that the records refer to. */
  readonly shared: () => Markup;
}

/** As long as there are not many, records of denials stand whole. */
const wholeDenials = 25;

/** `agent` for the one log of a stream, its whole origin where there are several. */
const placesOf = (records: readonly StoredRecord[]): ReadonlyMap<string, string> => {
  const origins = [...new Set(records.map(({ origin }) => origin))];
  const streamOf = (origin: string): string => origin.split('/')[1] ?? origin;
  const isOnly = (origin: string): boolean => origins.every((other) => other === origin || streamOf(other) !== streamOf(origin));
  return new Map(origins.map((origin) => [origin, isOnly(origin) ? streamOf(origin) : origin]));
};

const json = (value: unknown): Markup => {
  try {
    return jsonText(JSON.stringify(value) ?? 'null');
  } catch {
    return jsonText('"nested too deep to show"');
  }
};

const member = ([name, value]: readonly [string, unknown]): Markup =>
  isReference(value) ? markup`${json(name)}:<a href="#v${value.reference}">v${value.reference}</a>` : markup`${json(name)}:${json(value)}`;

const object = (members: readonly Markup[]): Markup => markup`{${members.map((each, at) => (at === 0 ? each : markup`,${each}`))}}`;

/** What a page says in front of a record instead of in it. */
const inFront: readonly string[] = ['log_id', 'timestamp'];

/** The time of a timestamp of the day that the page names; any other whole. */
const timeOf = (timestamp: string, day: string): string =>
  timestamp.startsWith(`${day}T`) && timestamp.endsWith('Z') ? timestamp.slice(day.length + 1, -1) : timestamp;

interface Placing {
  readonly place: string;
  readonly day: string;
}

const block = (record: StoredRecord, { of, own }: TakenApart, { place, day }: Placing, implied: ReadonlyMap<string, unknown>): Markup => {
  const { kind, log_id: id, timestamp } = record.members;
  const isNamed = typeof id === 'string' && typeof timestamp === 'string';
  const isSaid = (name: string, value: unknown): boolean =>
    (isNamed && inFront.includes(name)) || (implied.has(name) && implied.get(name) === value);
  const members = [...own].filter(([name, value]) => !isSaid(name, value)).map(member);
  const name = isNamed ? ` ${timeOf(timestamp, day)} ${id}` : '';
  return markup`<p>${typeof kind === 'string' ? kind : 'record'} ${place}${name}${of === null ? '' : ` + c${of}`}<pre>${object(members)}</pre>`;
};

/** The day of the first record, by which most times of a run are said. */
const dayOf = ([first]: readonly StoredRecord[]): string => {
  const { timestamp } = first?.members ?? {};
  return typeof timestamp === 'string' && /^\d{4}-\d\d-\d\dT/.test(timestamp) ? timestamp.slice(0, 10) : '';
};

const sharedSection = ({ classes, values }: Shared, places: ReadonlyMap<string, string>, day: string): Markup => {
  const shortened = [...places].filter(([origin, place]) => origin !== place);
  const classNames = classes.map(({ stream, kind }) => [stream, kind].map((word) => (typeof word === 'string' ? word : '?')).join(' '));
  return markup`<section id="shared" aria-labelledby="shared-h"><h2 id="shared-h">What records have in common</h2>
<p>In front of a record in the timeline stand its kind, its place in the ledger, its <code>timestamp</code> (in UTC; the day is ${day} where none stands) and
its <code>log_id</code>; the rest is its own. “+ c0”: it also has the members of c0, where it does not say otherwise; an object goes into the object of the
same name. “both” holds for the decision and for its outcome, whose <code>decision_log_id</code> is the decision's log_id. v0 stands for a value that several
records have. What stands below a model request has that one's crossing_id as its <code>parent_crossing_id</code>.</p>
<ul>${shortened.map(([origin, place]) => markup`<li>${place}#N is entry N of <code>${origin}</code>`)}</ul>
${classes.map((members, at) => markup`<details id="c${at}"><summary>c${at}: ${classNames[at] ?? ''}</summary><pre>${json(members)}</pre></details>\n`)}
${values.map((value, at) => markup`<details id="v${at}"><summary>v${at}</summary><pre>${json(value)}</pre></details>\n`)}</section>
`;
};

export const createRecordBlocks = (rows: readonly Row[]): RecordBlocks => {
  const all = rows.flatMap(({ records }) => records);
  const denials = new Set(rows.filter(({ state }) => state === 'denied').map(({ records }) => records[0].members));
  const shared = shareMembers(
    all.map(({ members }) => members),
    (members) => denials.size <= wholeDenials && denials.has(members),
  );
  const parts = new Map(all.map((record, at) => [record, shared.parts[at]]));
  const places = placesOf(all);
  const partOf = (record: StoredRecord): TakenApart => parts.get(record) ?? { of: null, own: new Map(Object.entries(record.members)) };
  const day = dayOf(all);
  const placingOf = ({ origin, index }: StoredRecord): Placing => ({ place: `${places.get(origin) ?? origin}#${index}`, day });
  return {
    of: ({ records: [first, second], below }) => {
      const part = partOf(first);
      const above = new Map<string, unknown>(below === null ? [] : [['parent_crossing_id', below]]);
      if (second === undefined) return block(first, part, placingOf(first), above);
      const other = partOf(second);
      const { both, one, other: rest } = shareOfTwo(part.own, other.own);
      const decided = new Map<string, unknown>([['decision_log_id', first.members['log_id']]]);
      const shown = [...both].filter(([name, value]) => above.get(name) !== value).map(member);
      const head = shown.length === 0 ? null : markup`<p>both<pre>${object(shown)}</pre>`;
      const ended = block(second, { of: other.of, own: rest }, placingOf(second), decided);
      return markup`${head}${block(first, { of: part.of, own: one }, placingOf(first), new Map())}${ended}`;
    },
    shared: () => sharedSection(shared, places, day),
  };
};
