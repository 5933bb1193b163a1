// What each member of a record means. The reference page is made from this table, and real records are held against it by a test.
// Every record has the members of `receipt.ts`; `record.ts` makes the records of crossings.

export interface RecordMember {
  readonly name: string;
  readonly type: string;
  readonly on: 'every record' | 'invocations and crossings' | 'where it applies';
  readonly meaning: string;
}

/** The reference of the record; a test holds real records against it. */
export const recordMembers: readonly RecordMember[] = [
  { name: 'schema', type: 'string', on: 'every record', meaning: 'Version of this format.' },
  { name: 'log_id', type: 'string', on: 'every record', meaning: 'UUIDv7 of the record (RFC 9562).' },
  { name: 'timestamp', type: 'string', on: 'every record', meaning: 'Wall time, RFC 3339 in UTC with milliseconds.' },
  {
    name: 'stream',
    type: 'agent | model | control',
    on: 'every record',
    meaning: 'agent: invocations, tool calls and network connections; model: model crossings; control: the rest.',
  },
  {
    name: 'kind',
    type: 'opened | closed | decision | outcome | finding | change | recovery | checkpoint_set',
    on: 'every record',
    meaning: 'What the record says. A denial is one decision and no outcome.',
  },
  { name: 'environment', type: 'string', on: 'every record', meaning: 'development, staging or production.' },
  { name: 'deployment', type: 'string', on: 'every record', meaning: 'laptop, host or server: who the guarantees hold against.' },
  { name: 'release', type: 'string', on: 'every record', meaning: 'Digest of the release that was active: config, policies and package.' },
  { name: 'invocation_id', type: 'string', on: 'invocations and crossings', meaning: 'The correlation id: one run of an agent.' },
  { name: 'crossing_id', type: 'string | null', on: 'invocations and crossings', meaning: 'One attempt to pass the boundary.' },
  {
    name: 'parent_crossing_id',
    type: 'string | null',
    on: 'invocations and crossings',
    meaning: 'The model crossing whose answer held this tool call.',
  },
  { name: 'session_id', type: 'string | null', on: 'invocations and crossings', meaning: "The client's own session: a claim." },
  {
    name: 'client_ids',
    type: 'object',
    on: 'where it applies',
    meaning:
      'On the decision of a model request: what the client says of its session, of an agent that it started (agent_id), its thread and turn, as far as it says it. Claims: nothing is decided by them.',
  },
  {
    name: 'action_type',
    type: 'invocation | model_request | tool_call | network_connection',
    on: 'invocations and crossings',
    meaning: 'What was attempted.',
  },
  {
    name: 'agent_id',
    type: 'string | null',
    on: 'invocations and crossings',
    meaning: 'The agent as configured; null where an opening that was refused named none.',
  },
  {
    name: 'agent_role',
    type: 'string | null',
    on: 'invocations and crossings',
    meaning: 'The role it took for this invocation; null where an opening that was refused named none.',
  },
  { name: 'agent_version', type: 'string | null', on: 'invocations and crossings', meaning: 'Its version, where pinned or proved.' },
  { name: 'user_id', type: 'string', on: 'invocations and crossings', meaning: 'Random pseudonym of the invoker.' },
  {
    name: 'user_assurance',
    type: 'local_development | oidc | workload | client_assertion',
    on: 'invocations and crossings',
    meaning: 'What proved the invoker: oidc, workload or client_assertion. local_development proves nothing.',
  },
  {
    name: 'user_issuer',
    type: 'string | null',
    on: 'invocations and crossings',
    meaning: 'The name in the config of the issuer or client whose signature proved the invoker.',
  },
  {
    name: 'data_classification',
    type: 'string | null',
    on: 'invocations and crossings',
    meaning: 'Classification of the data that the role handles; null where an opening was refused before there was a role.',
  },
  {
    name: 'containment',
    type: 'jail | advisory',
    on: 'invocations and crossings',
    meaning: 'jail: its runner says that it started the agent in one. advisory: nothing keeps the agent from going round the envelope.',
  },
  { name: 'source', type: 'envelope | runner | agent', on: 'invocations and crossings', meaning: 'Who says so.' },
  {
    name: 'decision',
    type: 'object | null',
    on: 'invocations and crossings',
    meaning:
      'verdict, policies that determined it, reason, mode (enforce or observe), the Cedar request that was judged (with a keyed digest in the place of the arguments of a tool call, where the policies look at them; null where they could not be read), and observed: verdict and policies as they would be if the policies that only observe counted too, null where they make no difference; and hosted_tools: the tools that the provider would run and that were judged with the request. Also on a change by the control plane: what let its author make it.',
  },
  { name: 'decision_log_id', type: 'string', on: 'where it applies', meaning: 'On an outcome: the decision it ends.' },
  {
    name: 'operation',
    type: 'string',
    on: 'where it applies',
    meaning: "On the decision of a model request: the vendor's operation, such as messages or count_tokens.",
  },
  {
    name: 'control_action',
    type: 'string',
    on: 'where it applies',
    meaning: 'On a refusal of the control plane, and on a change by it: the action that was asked for.',
  },
  {
    name: 'user_actors',
    type: 'string[]',
    on: 'where it applies',
    meaning: 'On opened: pseudonyms of those who act for the invoker by the `act` claim of the token (RFC 8693), outermost first.',
  },
  { name: 'stop', type: 'string', on: 'where it applies', meaning: 'On closed: the log_id of the stop that ended the invocation.' },
  { name: 'denial', type: 'string', on: 'where it applies', meaning: 'On a decision that refused: the code of the denial.' },
  {
    name: 'model_asked',
    type: 'string',
    on: 'where it applies',
    meaning: 'The model name in the request, where it has the form of a name.',
  },
  { name: 'model_version', type: 'string', on: 'where it applies', meaning: 'The pin that the request went out with.' },
  { name: 'model_reported', type: 'string', on: 'where it applies', meaning: 'The model that the provider says it used.' },
  {
    name: 'upstream_request_id',
    type: 'string',
    on: 'where it applies',
    meaning: "The provider's id of the request: joins its trail to ours.",
  },
  { name: 'upstream_status', type: 'number', on: 'where it applies', meaning: 'HTTP status of the upstream answer.' },
  { name: 'system_prompt_digest', type: 'string', on: 'where it applies', meaning: 'SHA-256 of the system prompt.' },
  { name: 'system_prompt_blocks', type: 'string[]', on: 'where it applies', meaning: 'SHA-256 of each text of the system prompt.' },
  {
    name: 'endpoint',
    type: 'object',
    on: 'where it applies',
    meaning: "id, topology, provider, region and the address that was dialled: the proxy's, where the endpoint is reached through one.",
  },
  { name: 'tool', type: 'object', on: 'where it applies', meaning: 'name, server, call_id and keyed digest of the arguments.' },
  { name: 'tools_offered', type: 'string[]', on: 'where it applies', meaning: 'Names of the tools that the request offers the model.' },
  { name: 'tools_called', type: 'string[]', on: 'where it applies', meaning: 'Names of the tools that the answer calls.' },
  { name: 'tool_calls_refused', type: 'number', on: 'where it applies', meaning: 'How many of them were refused.' },
  {
    name: 'tool_results_summary',
    type: 'object[]',
    on: 'where it applies',
    meaning: 'call_id and success of each new result that the request carries: those behind the last answer of the model.',
  },
  { name: 'input_token_count', type: 'number | null', on: 'where it applies', meaning: 'As the provider counted, cached input included.' },
  {
    name: 'cached_input_token_count',
    type: 'number | null',
    on: 'where it applies',
    meaning: 'What of the input the provider says that it read from its cache.',
  },
  { name: 'output_token_count', type: 'number | null', on: 'where it applies', meaning: 'As the provider counted.' },
  {
    name: 'cost',
    type: 'object',
    on: 'where it applies',
    meaning:
      'On the outcome of a model request whose pin has a `price` in the config of its release: currency, and the amount as a decimal text, computed from the counts above.',
  },
  { name: 'bytes_sent', type: 'number', on: 'where it applies', meaning: 'Body bytes sent upstream.' },
  { name: 'bytes_received', type: 'number', on: 'where it applies', meaning: 'Body bytes received from upstream.' },
  {
    name: 'request_digest',
    type: 'string',
    on: 'where it applies',
    meaning: "HMAC-SHA-256 over the bytes sent, under the invocation's erasable key.",
  },
  { name: 'response_digest', type: 'string | null', on: 'where it applies', meaning: 'The same over the bytes released to the agent.' },
  {
    name: 'destination',
    type: 'object',
    on: 'where it applies',
    meaning:
      'Of a network connection: name and port as they were judged, null where they could not be read, and on its outcome the address and port that was dialled.',
  },
  { name: 'not_inspected', type: 'object[]', on: 'where it applies', meaning: 'What passed without inspection, and why.' },
  {
    name: 'masked',
    type: 'object',
    on: 'where it applies',
    meaning:
      'How much of a model request was taken out of what was judged and sent, by kind: `denied_content` counts parts that were denied in an earlier turn and came along with this one.',
  },
  { name: 'success', type: 'boolean | null', on: 'where it applies', meaning: 'null: unknown.' },
  { name: 'error_message', type: 'string | null', on: 'where it applies', meaning: "Our sentence and the provider's error type." },
  { name: 'attempts', type: 'number', on: 'where it applies', meaning: 'How often the upstream was tried.' },
  { name: 'duration_ms', type: 'number', on: 'where it applies', meaning: 'From acceptance to the end, in monotonic time.' },
  {
    name: 'credential_digest',
    type: 'string',
    on: 'where it applies',
    meaning: 'On opened: SHA-256 of the credential, which is 256 random bits.',
  },
  {
    name: 'runner_key_digest',
    type: 'string',
    on: 'where it applies',
    meaning: 'On opened: SHA-256 of the key with which the runner renews and closes the invocation, which is 256 random bits.',
  },
  {
    name: 'user_groups',
    type: 'string[]',
    on: 'where it applies',
    meaning: 'On opened: groups under `identity.groups` that the invoker is in.',
  },
  {
    name: 'user_session_digest',
    type: 'string | null',
    on: 'where it applies',
    meaning: 'On opened: SHA-256 of the session at the issuer, so that the end of that session ends the invocation.',
  },
  {
    name: 'agent_digest',
    type: 'string | null',
    on: 'where it applies',
    meaning: 'On opened: SHA-256 of the program as the runner found it.',
  },
  { name: 'agent_client', type: 'string', on: 'where it applies', meaning: 'On opened: which kind of client the agent is.' },
  { name: 'task', type: 'string | null', on: 'where it applies', meaning: 'On opened: keyed digest of the task that the invoker named.' },
  { name: 'purpose', type: 'string | null', on: 'where it applies', meaning: 'On opened: the purpose that the role is configured with.' },
  {
    name: 'run',
    type: 'object',
    on: 'where it applies',
    meaning: 'On opened and closed: what the runner reports of the process and the repository.',
  },
  {
    name: 'ended',
    type: 'string',
    on: 'where it applies',
    meaning: 'On closed, why: closed, lost_runner, severed, restart, stopped, unproved, logged_out, expired or not_permitted.',
  },
  {
    name: 'totals',
    type: 'object | null',
    on: 'where it applies',
    meaning:
      'On closed: crossings, denials and denied_as_text (denials that the agent read as text in an answer); model_calls, tool_calls and network connections that went on; what the providers counted, null where none did; tools_used with the count of each, most used first, and in truncated.tools_used how many calls were of tools beyond that list; cost, one for each currency, null where nothing has a price, and calls_without_cost, which may have cost something more; since: opening, or restart where the envelope was started anew meanwhile and what was done before is not counted.',
  },
  { name: 'finding', type: 'object', on: 'where it applies', meaning: 'Something a person should look at: code, sentence and count.' },
  {
    name: 'change',
    type: 'object',
    on: 'where it applies',
    meaning: 'What changed: activation of a release, start and stop of the envelope.',
  },
  { name: 'recovery', type: 'object', on: 'where it applies', meaning: 'What a start after an unclean stop found and cut.' },
  { name: 'checkpoints', type: 'object[]', on: 'where it applies', meaning: 'On checkpoint_set: origin, size and root of each log.' },
  {
    name: 'predecessor',
    type: 'object',
    on: 'where it applies',
    meaning: 'On the first leaf of a shard: the last checkpoint of the shard before.',
  },
  {
    name: 'truncated',
    type: 'object',
    on: 'where it applies',
    meaning:
      'By member: how many entries a bounded list left out. In `run`, `manifests` names by member the digest of the whole list, which lies in `blobs/` of the ledger folder.',
  },
];
