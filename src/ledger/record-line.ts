// What a record says, in a sentence and in a line.
// Pure text from records; members of any shape are shown as far as they can be and never throw. Nothing of a record can control a terminal.

import { shownCost } from '../core/price.ts';
import { onlyCounts } from '../core/totals.ts';
import type { StoredRecord } from './reader.ts';

export type Members = StoredRecord['members'];

const jsonOf = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '(nested too deep to show)';
  }
};

/** As long as a sentence may get by what others wrote; the record has all of it. */
const shownCharacters = 600;

/** Control and formatting characters would let a recorded name rewrite the terminal. */
export const plain = (value: unknown): string => {
  const text = typeof value === 'string' ? value : jsonOf(value);
  const shown = text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)}…`;
  return shown.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD');
};
export const at = (members: Members, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (typeof value === 'object' && value !== null ? (value as Members)[name] : undefined), members);
const said = (prefix: string, value: unknown, suffix = ''): string =>
  value === undefined || value === null ? '' : `${prefix}${plain(value)}${suffix}`;
const joined = (parts: readonly string[], by = ', '): string => parts.filter((part) => part !== '').join(by);

/** What was attempted, where no name of a model or tool is known. */
const actions = new Map<unknown, string>([
  ['model_request', 'a model request'],
  ['tool_call', 'a tool call'],
  ['network_connection', 'a network connection'],
  ['invocation', 'an opening'],
]);

/** What was attempted: which model or tool, as far as the record names it. */
export const attemptOf = (members: Members): string => {
  const tool = at(members, 'tool', 'name');
  const counting = onlyCounts(plain(members['operation'] ?? '')) ? '(counts tokens only)' : '';
  const host = at(members, 'destination', 'name');
  if (host !== undefined && host !== null) return joined([said('host ', host), said('port ', at(members, 'destination', 'port'))], ' ');
  const what =
    tool === undefined
      ? joined(
          [said('model ', members['model_version'] ?? members['model_asked']), said('at ', at(members, 'endpoint', 'id')), counting],
          ' ',
        )
      : said('tool ', tool);
  return what || said('control ', members['control_action']) || (actions.get(members['action_type']) ?? 'a crossing');
};

/** What was decided, by what, and why where it was not permitted. */
const verdictOf = (members: Members): string => {
  const verdict = plain(at(members, 'decision', 'verdict') ?? 'no verdict');
  const mode = verdict !== 'permit' && at(members, 'decision', 'mode') === 'observe' ? ' (observed only)' : '';
  const policies = at(members, 'decision', 'policies');
  const by = Array.isArray(policies) && policies.length > 0 ? ` by ${policies.map(plain).join(', ')}` : '';
  const why = verdict === 'permit' ? '' : said(': ', at(members, 'decision', 'reason'));
  return `${verdict}${mode}${by}${why}`;
};

const costOf = (cost: unknown): string => {
  const { currency, amount } = typeof cost === 'object' && cost !== null ? (cost as Members) : {};
  return typeof currency === 'string' && typeof amount === 'string' ? plain(shownCost({ currency, amount })) : '';
};

/** What a connection carried. */
const carriedOf = (members: Members): string => {
  const { bytes_sent: sent, bytes_received: received } = members;
  if (members['action_type'] !== 'network_connection') return '';
  return typeof sent === 'number' || typeof received === 'number' ? `${countOf(sent)} bytes out, ${countOf(received)} in` : '';
};

/** What became of a crossing. */
export const outcomeLine = (members: Members): string => {
  const { success } = members;
  const result = success === true ? 'succeeded' : success === false ? 'failed' : 'outcome unknown';
  const [input, output] = [members['input_token_count'], members['output_token_count']];
  const called = members['tools_called'];
  return joined([
    `${result}${members['source'] === 'agent' ? ', as the agent reports' : ''}`,
    typeof input === 'number' || typeof output === 'number' ? `${plain(input ?? '?')} tokens in and ${plain(output ?? '?')} out` : '',
    carriedOf(members),
    Array.isArray(called) && called.length > 0 ? plain(`calls ${called.map(plain).join(', ')}`) : '',
    costOf(members['cost']),
    said('', members['duration_ms'], ' ms'),
    said('', members['error_message']),
  ]);
};

const countOf = (value: unknown): string => (typeof value === 'number' ? String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ',') : '?');

/** The same in a timeline, in which the tool calls of an answer are rows of their own. */
export const endedHow = (members: Members): string => {
  const { success, source } = members;
  const [input, output] = [members['input_token_count'], members['output_token_count']];
  const counted = typeof input === 'number' || typeof output === 'number';
  const reported = source === 'agent' ? ' (reported)' : '';
  return joined([
    success === false ? `failed${reported}` : success !== true ? 'outcome unknown' : counted ? '' : `succeeded${reported}`,
    counted ? `${countOf(input)} tokens in, ${countOf(output)} out` : '',
    carriedOf(members),
    costOf(members['cost']),
    said('', members['duration_ms'], ' ms'),
    source === 'agent' ? '' : said('', members['error_message']),
  ]);
};

/** How an invocation ended when its runner did not close it. */
export const endings = new Map<unknown, string>([
  ['lost_runner', 'the runner was gone'],
  ['severed', 'the envelope ended it'],
  ['restart', 'the envelope started anew'],
  ['stopped', 'a person stopped it'],
  ['unproved', 'its invoker was not proved again in time'],
  ['logged_out', 'its invoker signed out, or was removed, at the issuer'],
  ['expired', 'the agent passed its last day'],
  ['not_permitted', 'its invoker may no longer let this agent take this role'],
]);

/** What changed, whom or what it is about, who did it and why, as far as it says. */
const changeLine = (members: Members): string => {
  const of = (...path: readonly string[]): unknown => at(members, 'change', ...path);
  const scope = joined([said('', of('scope', 'kind')), said('', of('scope', 'name'))], ' ');
  return joined([joined(['change', said('', of('what')), scope], ': '), said('by ', members['user_id']), said('', of('reason'))]);
};

/** What one record says by itself. */
export const sentenceOfRecord = (members: Members): string => {
  switch (members['kind']) {
    case 'opened':
      return joined(['opened', said('by ', members['user_id']), said('', members['user_assurance'])]);
    case 'closed':
      return joined([
        members['ended'] === 'closed'
          ? 'closed'
          : said('closed: ', endings.get(members['ended']) ?? members['ended'] ?? 'for an unknown reason'),
        said('after ', members['duration_ms'], ' ms'),
        said('', members['error_message']),
      ]);
    case 'decision':
      return `${attemptOf(members)}  ${verdictOf(members)}`;
    case 'outcome':
      return outcomeLine(members);
    case 'finding':
      return joined(['finding', said('', at(members, 'finding', 'sentence') ?? at(members, 'finding', 'code'))], ': ');
    case 'change':
      return changeLine(members);
    default:
      return joined([plain(members['kind'] ?? 'record'), said('', at(members, 'recovery', 'sentence'))], ': ');
  }
};

/** One line for one record, such as `audit tail` shows. */
export const recordLine = ({ members }: StoredRecord): string =>
  joined(
    [
      plain(members['timestamp'] ?? '?'),
      plain(members['stream'] ?? '?').padEnd(7),
      sentenceOfRecord(members),
      said('agent ', members['agent_id']),
    ],
    '  ',
  );
