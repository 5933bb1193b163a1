// Whether the question that a record keeps is the one that its other members speak of. A permit for one tool proves nothing about another.
// Pure. Accepts any record; what it does not say counts as not said, and never makes this throw.

import { membersOf, type RecordMembers } from './record-members.ts';

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const entityForm = /^Sealwright::(\w+)::"(.*)"$/s;

/** Type and id of an entity as a question writes it; of anything else both are empty. */
export const entityOf = (written: unknown): readonly [type: string, id: string] => {
  const [, type = '', id = ''] = (typeof written === 'string' ? entityForm.exec(written) : null) ?? [];
  return [type, id];
};

/** The id of the first entity of the type. */
const idOf = (type: string, ...written: readonly unknown[]): string | undefined =>
  written.map(entityOf).find(([found]) => found === type)?.[1];

const hourMs = 3_600_000;

/** A decision is made before its record is; the clock may have struck between. */
const isHourOf = (timestamp: unknown, hour: unknown): boolean => {
  const ms = Date.parse(String(timestamp));
  return [ms, ms - hourMs].some((each) => Math.floor(each / hourMs) % 24 === hour);
};

/** What members of the record must say, by what the question is about. */
const resourceMembers = (
  record: RecordMembers,
  [type, id]: readonly [string, string],
  endpoint: string | undefined,
  port: unknown,
): RecordMembers => {
  const [tool, place, truncated] = ['tool', 'endpoint', 'truncated'].map((name) => membersOf(record[name])) as [
    RecordMembers,
    RecordMembers,
    RecordMembers,
  ];
  // A tool that the provider runs is judged with the request that offers it.
  if (type === 'Tool' && record['action_type'] === 'model_request')
    return { tools_offered: listOf(record['tools_offered']).includes(id) || 'tools_offered' in truncated };
  if (type === 'Tool') return { action_type: record['action_type'] === 'tool_call', tool: tool['name'] === id };
  if (type === 'Model')
    return {
      action_type: record['action_type'] === 'model_request',
      // A refused request names no model but the one that was asked for, which may be another name of the pin.
      ...('denial' in record ? {} : { model_version: record['model_version'] === id, endpoint: place['id'] === endpoint }),
    };
  const destination = membersOf(record['destination']);
  if (type === 'Host')
    return {
      action_type: record['action_type'] === 'network_connection',
      destination: destination['name'] === id && destination['port'] === port,
    };
  return type === 'Agent' ? { action_type: record['action_type'] === 'invocation' } : {};
};

/** Names of the members that say something else than the question; none where there is no question. */
export const contradictions = (record: RecordMembers, question: unknown): readonly string[] => {
  if (typeof question !== 'object' || question === null) return [];
  const { principal, action, resource, issuer = null, parents, context } = question as RecordMembers;
  const facts = membersOf(context);
  const [agent, invoker] = [idOf('Agent', principal, resource), idOf('Invoker', principal, facts['invoker'])];
  const [role, endpoint] = [idOf('Role', ...listOf(parents)), idOf('Endpoint', ...listOf(parents))];
  const same = (name: string, value: unknown): boolean => (record[name] ?? null) === (value ?? null);
  const said: RecordMembers = {
    user_id: same('user_id', invoker),
    user_assurance: same('user_assurance', facts['assurance']),
    user_issuer: same('user_issuer', issuer),
    environment: same('environment', facts['environment']),
    timestamp: isHourOf(record['timestamp'], facts['hour']),
    ...(agent === undefined
      ? { control_action: same('control_action', idOf('Action', action)) }
      : {
          agent_id: same('agent_id', agent),
          agent_role: same('agent_role', role),
          data_classification: same('data_classification', facts['data_classification']),
          containment: same('containment', facts['containment']),
        }),
    ...resourceMembers(record, entityOf(resource), endpoint, facts['port']),
  };
  return Object.keys(said).filter((name) => said[name] === false);
};
