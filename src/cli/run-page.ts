// One run as a page of its own: no script, nothing that it would fetch, every record in it, and how to verify them.
// Pure. Everything that a record says passes the templates of `markup.ts`. What records have in common stands once, so that a long run stays small.

import type { Row, RunSummary, StoredRecord, Timeline } from '../ledger/reading.ts';
import { markup, textOf, type Markup } from './markup.ts';
import { createRecordBlocks, type RecordBlocks } from './record-blocks.ts';
import { factsOf, grouped, shownSince } from './run-facts.ts';
import { style } from './run-page-style.ts';

export interface PageLog {
  readonly origin: string;
  /** Leaves under its checkpoint. */
  readonly size: number;
  readonly root: string;
}

export interface PageParts {
  readonly run: RunSummary;
  readonly timeline: Timeline;
  /** How the folder stands, as `audit verify` says it without a key from elsewhere. */
  readonly verification: {
    readonly ok: boolean;
    readonly standing: string;
    readonly problems: readonly string[];
    readonly logs: readonly PageLog[];
  };
  /** Records that the ledger has of the run and the page has not. */
  readonly missing: number;
  readonly madeAt: string;
  readonly version: string;
}

/** Denials, agents and turns that are listed by themselves. */
const listed = 50;

type Anchors = ReadonlyMap<Row, number>;

const classOfRow: Readonly<Record<Row['what'], string>> = { model: 'm', tool: 't', network: 't', run: 'o', finding: 'f', other: 'o' };
const classOfState: Readonly<Record<Row['state'], string>> = {
  done: '',
  denied: ' x',
  observed: ' v',
  failed: ' n',
  open: ' u',
  finding: '',
};

const whyOf = ({ state, reason, recordId }: Row): Markup | null => {
  if (reason === null) return null;
  const denied = state === 'denied' ? 'Denied' : 'Would have been denied';
  return markup`<p><strong>${denied}</strong>: ${reason} <code>sealwright why ${recordId}</code></p>`;
};

const rowOf = (blocks: RecordBlocks, anchors: Anchors, row: Row): Markup => {
  const classes = `${classOfRow[row.what]}${classOfState[row.state]}${row.depth === 0 ? '' : ` d${Math.min(4, row.depth)}`}`;
  const anchor = anchors.get(row);
  const id = anchor === undefined ? null : markup` id="r${anchor}"`;
  const inner = row.inner === null ? null : markup`<span class="tag">inner agent ${row.inner}</span> `;
  return markup`<li class="${classes}"${id}><details><summary><b>${shownSince(row.atMs)}</b> ${inner}${row.sentence}</summary>${blocks.of(row)}</details>${whyOf(row)}
`;
};

const rowsOf = (blocks: RecordBlocks, anchors: Anchors, rows: readonly Row[]): readonly Markup[] => {
  let turn: number | null = null;
  return rows.map((row) => {
    const begins = row.depth === 0 && row.turn !== null && row.turn !== turn;
    if (begins) turn = row.turn;
    return begins ? markup`<li class="turn">turn ${turn}\n${rowOf(blocks, anchors, row)}` : rowOf(blocks, anchors, row);
  });
};

/** Each shows the rows that the style sheet lets it. */
const filters: readonly (readonly [id: string, label: string])[] = [
  ['all', 'everything'],
  ['only-model', 'model requests'],
  ['only-tool', 'tool calls'],
  ['only-denied', 'denied'],
  ['only-odd', 'denied, failed, open or found'],
];

const filterOf = ([id, label]: (typeof filters)[number], at: number): Markup =>
  markup`<label><input type="radio" name="show" id="${id}"${at === 0 ? markup` checked` : null}> ${label}</label> `;

const claimsOf = ({ innerAgents, turns }: Timeline): Markup | null => {
  const items = [
    ...innerAgents.slice(0, listed).map((id, at) => markup`<li>inner agent ${at + 1}: <code>${id}</code>`),
    ...turns.slice(0, listed).map((id, at) => markup`<li>turn ${at + 1}: <code>${id}</code>`),
  ];
  if (items.length === 0) return null;
  return markup`<details><summary>What the client calls its agents and turns: claims</summary><ul>${items}</ul></details>`;
};

const timelineSection = (blocks: RecordBlocks, anchors: Anchors, timeline: Timeline): Markup =>
  markup`<section id="timeline" aria-labelledby="timeline-h"><h2 id="timeline-h">Timeline</h2>
<fieldset><legend>Show</legend>${filters.map(filterOf)}</fieldset>
<p>Times since the start. A row is a crossing: the record of its decision and the one of its outcome. Tool calls stand below the model request whose
answer held them; what became of them is what the agent reported.</p>
<ol class="rows">
${rowsOf(blocks, anchors, timeline.rows)}</ol>
${claimsOf(timeline)}</section>
`;

const toolsTable = ({ totals: { tools_used: used, truncated } }: RunSummary): Markup | null => {
  if (used.length === 0) return null;
  const row = (name: string, count: number): Markup => markup`<tr><th scope="row">${name}</th><td>${grouped(count)}</td></tr>`;
  return markup`<table><caption>Tools used</caption><thead><tr><th scope="col">Tool</th><th scope="col">Calls</th></tr></thead><tbody>
${used.map(({ name, count }) => row(name, count))}${truncated === undefined ? null : row('others', truncated.tools_used)}</tbody></table>`;
};

const summarySection = (run: RunSummary): Markup => {
  const facts = factsOf(run).filter(({ name }) => name !== 'tools');
  return markup`<section id="summary" aria-labelledby="summary-h"><h2 id="summary-h">Summary</h2>
<table><caption>What the records say of this run</caption><tbody>
${facts.map(({ name, value }) => markup`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>
${toolsTable(run)}</section>
`;
};

const findingsSection = (anchors: Anchors, { run, timeline: { rows } }: PageParts): Markup => {
  const denied = rows.filter(({ reason }) => reason !== null);
  const more = denied.length - listed;
  const findings = [...run.findings, ...(run.disagreement === null ? [] : [run.disagreement])];
  const items = denied
    .slice(0, listed)
    .map((row) => markup`<li><a href="#r${anchors.get(row) ?? 0}">${shownSince(row.atMs)}</a> ${row.sentence}: ${row.reason}`);
  return markup`<section id="findings" aria-labelledby="findings-h"><h2 id="findings-h">Denials and findings</h2>
${denied.length === 0 ? markup`<p>Nothing was denied.</p>` : markup`<ul>${items}</ul>`}
${more > 0 ? markup`<p>And ${grouped(more)} more: choose “denied” above the timeline.</p>` : null}
${findings.length === 0 ? markup`<p>Nothing was found.</p>` : markup`<ul>${findings.map((finding) => markup`<li class="warn">${finding}`)}</ul>`}</section>
`;
};

const verifySection = ({ verification, timeline: { rows } }: PageParts): Markup => {
  const { ok, standing, problems, logs } = verification;
  const sizes = new Map(logs.map(({ origin, size }) => [origin, size]));
  const records: readonly StoredRecord[] = rows.flatMap((row) => row.records);
  const unsigned = records.filter(({ origin, index }) => index >= (sizes.get(origin) ?? 0)).length;
  const origins = new Set(records.map(({ origin }) => origin));
  const waiting =
    unsigned === 0
      ? null
      : markup`<strong class="warn">${grouped(unsigned)} of the records here lay in the journal only, where no signature covers them yet.</strong> `;
  const log = ({ origin, size, root }: PageLog): Markup =>
    markup`<tr><th scope="row"><code>${origin}</code></th><td>${grouped(size)}</td><td><code>${root}</code></td></tr>`;
  return markup`<section id="verify" aria-labelledby="verify-h"><h2 id="verify-h">Verify</h2>
<p>When this page was made, the whole ledger folder was verified from its files: <strong class="${ok ? 'good' : 'bad'}">${standing}</strong>.
${waiting}The page itself is signed by nobody: believe the ledger, and compare.</p>
<ul>${problems.map((problem) => markup`<li class="bad">${problem}`)}</ul>
<ul>
<li><code>sealwright audit verify --key VKEY --since CHECKPOINT</code> verifies every entry, hash and signature of the ledger, with a key and a checkpoint that you know from elsewhere.
<li><code>sealwright audit prove LOG_ID</code> writes a proof of one record that anyone can check without the ledger. LOG_ID is its <code>log_id</code>, or its place as ORIGIN#N.
<li><code>sealwright audit show LOG_ID</code> prints the record as the ledger has it.</ul>
<table><caption>Logs that hold these records</caption><thead><tr><th scope="col">Origin</th><th scope="col">Leaves signed</th><th scope="col">Root</th></tr></thead><tbody>
${logs.filter(({ origin }) => origins.has(origin)).map(log)}</tbody></table></section>
`;
};

const stateList = ({ run, verification, missing }: PageParts): Markup => {
  const { denials } = run.totals;
  const isWell = run.ended !== null && (run.exitCode === 0 || run.exitCode === null);
  const code = run.exitCode === null ? '' : `, exit code ${run.exitCode}`;
  const gone = missing === 0 ? null : markup`<li class="bad">${grouped(missing)} earlier records are not on this page`;
  return markup`<ul class="states"><li class="${isWell ? 'good' : 'warn'}">${run.ended ?? 'still open'}${code}
<li class="${denials === 0 ? 'good' : 'bad'}">${grouped(denials)} denied
<li class="${verification.ok ? 'good' : 'bad'}">ledger: ${verification.standing}${gone}</ul>`;
};

const sections: readonly (readonly [id: string, name: string])[] = [
  ['summary', 'Summary'],
  ['findings', 'Denials and findings'],
  ['timeline', 'Timeline'],
  ['verify', 'Verify'],
  ['shared', 'What records have in common'],
];

export const runPage = (parts: PageParts): string => {
  const { run, timeline, madeAt, version } = parts;
  const blocks = createRecordBlocks(timeline.rows);
  const anchors = new Map(timeline.rows.filter(({ reason }) => reason !== null).map((row, at) => [row, at]));
  const title = `Invocation ${run.invocationId ?? '?'}`;
  return textOf(markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${markup`default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`}">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer"><title>${title}</title>
${style}</head><body>
<header><h1>${title}</h1>${stateList(parts)}<nav aria-label="Sections"><ul>${sections.map(([id, name]) => markup`<li><a href="#${id}">${name}</a>`)}</ul></nav></header>
<main>
${summarySection(run)}${findingsSection(anchors, parts)}${timelineSection(blocks, anchors, timeline)}${verifySection(parts)}${blocks.shared()}</main>
<footer><p>Made by Sealwright ${version} at ${madeAt} from the records of the ledger.</p></footer>
</body></html>
`);
};
