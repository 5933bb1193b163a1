// One invocation as a person reads it: the records of all streams in the order of time, what belongs to a crossing indented below it.
// Pure text from records; members of any shape are shown as far as they can be and never throw. Nothing of a record can control a terminal.

import type { StoredRecord } from './reader.ts';

type Members = StoredRecord['members'];

/** Control and formatting characters would let a recorded name rewrite the terminal. */
const plain = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).replaceAll(/[\p{Cc}\p{Cf}]/gu, '\uFFFD');
const at = (members: Members, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (typeof value === 'object' && value !== null ? (value as Members)[name] : undefined), members);
const said = (prefix: string, value: unknown, suffix = ''): string =>
  value === undefined || value === null ? '' : `${prefix}${plain(value)}${suffix}`;
const joined = (parts: readonly string[], by = ', '): string => parts.filter((part) => part !== '').join(by);

/** What was attempted, where no name of a model or tool is known. */
const actions = new Map<unknown, string>([
  ['model_request', 'a model request'],
  ['tool_call', 'a tool call'],
  ['invocation', 'an opening'],
]);

const decisionLine = (members: Members): string => {
  const tool = at(members, 'tool', 'name');
  const counting = members['operation'] === 'count_tokens' ? '(counts tokens only)' : '';
  const what =
    tool === undefined
      ? joined(
          [said('model ', members['model_version'] ?? members['model_asked']), said('at ', at(members, 'endpoint', 'id')), counting],
          ' ',
        )
      : said('tool ', tool);
  const verdict = plain(at(members, 'decision', 'verdict') ?? 'no verdict');
  const mode = verdict !== 'permit' && at(members, 'decision', 'mode') === 'observe' ? ' (observed only)' : '';
  const policies = at(members, 'decision', 'policies');
  const by = Array.isArray(policies) && policies.length > 0 ? ` by ${policies.map(plain).join(', ')}` : '';
  const why = verdict === 'permit' ? '' : said(': ', at(members, 'decision', 'reason'));
  const steering = said('control ', members['control_action']);
  return `${what || steering || (actions.get(members['action_type']) ?? 'a crossing')}  ${verdict}${mode}${by}${why}`;
};

const outcomeLine = (members: Members): string => {
  const { success } = members;
  const result = success === true ? 'succeeded' : success === false ? 'failed' : 'outcome unknown';
  const [input, output] = [members['input_token_count'], members['output_token_count']];
  const called = members['tools_called'];
  return joined([
    `${result}${members['source'] === 'agent' ? ', as the agent reports' : ''}`,
    typeof input === 'number' || typeof output === 'number' ? `${plain(input ?? '?')} tokens in and ${plain(output ?? '?')} out` : '',
    Array.isArray(called) && called.length > 0 ? `calls ${called.map(plain).join(', ')}` : '',
    said('', members['duration_ms'], ' ms'),
    said('', members['error_message']),
  ]);
};

/** How an invocation ended when its runner did not close it. */
const endings = new Map<unknown, string>([
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

const lineOf = (members: Members): string => {
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
      return decisionLine(members);
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

/** In the order of time; records of one millisecond in the order in which a log has them, or else of their ids. */
const sortByTime = (records: readonly StoredRecord[]): StoredRecord[] => {
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return records.toSorted(
    (a, b) =>
      compare(plain(a.members['timestamp']), plain(b.members['timestamp'])) ||
      (a.origin === b.origin ? a.index - b.index : compare(plain(a.members['log_id']), plain(b.members['log_id']))),
  );
};

const depthOf = (members: Members, parents: ReadonlyMap<unknown, unknown>): number => {
  let depth = members['kind'] === 'outcome' ? 1 : 0;
  let parent = members['parent_crossing_id'];
  for (let steps = 0; parent !== null && parent !== undefined && steps < 16; steps += 1) {
    depth += 1;
    parent = parents.get(parent);
  }
  return depth;
};

/** One line for one record, such as `audit tail` shows. */
export const recordLine = ({ members }: StoredRecord): string =>
  joined(
    [plain(members['timestamp'] ?? '?'), plain(members['stream'] ?? '?').padEnd(7), lineOf(members), said('agent ', members['agent_id'])],
    '  ',
  );

/** The timeline of one invocation, from all its records in any order; ends in a newline. */
export const timelineOf = (records: readonly StoredRecord[]): string => {
  const ordered = sortByTime(records);
  const parents = new Map<unknown, unknown>(ordered.map(({ members }) => [members['crossing_id'], members['parent_crossing_id']]));
  const first = ordered.find(({ members }) => members['invocation_id'] !== undefined)?.members ?? {};
  const heading = joined([
    said('Invocation ', first['invocation_id']),
    said('agent ', first['agent_id']),
    said('role ', first['agent_role']),
    said('invoker ', first['user_id']),
    said('', first['containment']),
  ]);
  const lines = ordered.map(({ members }) => {
    const time = plain(members['timestamp'] ?? '?').slice(11, 23);
    return `${time}  ${plain(members['stream'] ?? '?').padEnd(7)}  ${'  '.repeat(depthOf(members, parents))}${lineOf(members)}`;
  });
  return `${[heading, ...lines].join('\n')}\n`;
};
