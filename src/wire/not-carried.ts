// What the vendors offer beside the operations that are carried, each with the reason why it is refused.
// A path that no row names is refused as well; a row only says more. The page on wire formats in the docs is made from this table, and a test
// holds it against all paths that the vendors' SDKs call.

export interface NotCarried {
  readonly prefix: string;
  /** Beginning of the vendor's own paths; `*` stands for a name. Under `/gemini` all versions of the API are meant. */
  readonly path: string;
  readonly what: string;
  readonly why: string;
}

const STORED = 'what is stored there comes back in later requests by name, and could not be read then';
const LATER = 'its answers are made later and fetched outside the request that was decided';
const TRAINING = 'it changes a model or gives it data to learn from, which is no call of a model';
const LIVE = 'it is a conversation over a connection of its own, which is not read yet';
const NOT_TEXT = 'what goes in or comes out is sound or pictures, which cannot be read yet';
const ADMINISTRATION = 'it administers the account with the vendor';
const AGENTS = 'the agent would run at the vendor, outside this envelope';
const JUDGING = 'it judges what it is given and answers in no words or calls that could be read';

const of = (prefix: string, why: string, what: string, ...paths: readonly string[]): readonly NotCarried[] =>
  paths.map((path) => ({ prefix, path, what, why }));

export const notCarriedTable: readonly NotCarried[] = [
  ...of('/anthropic', LATER, 'batches', '/v1/messages/batches'),
  ...of('/anthropic', STORED, 'files', '/v1/files'),
  ...of('/anthropic', STORED, 'skills', '/v1/skills'),
  ...of('/anthropic', STORED, 'memory stores', '/v1/memory_stores'),
  ...of('/anthropic', AGENTS, 'managed agents', '/v1/agents', '/v1/sessions', '/v1/environments', '/v1/deployments', '/v1/deployment_runs'),
  ...of('/anthropic', AGENTS, 'what managed agents use', '/v1/vaults', '/v1/tunnels', '/v1/dreams'),
  ...of('/anthropic', ADMINISTRATION, 'organization', '/v1/organizations', '/v1/user_profiles'),
  ...of('/anthropic', 'text completions have no turns or tools that could be read', 'text completions', '/v1/complete'),
  ...of('/openai', STORED, 'files', '/v1/files', '/v1/uploads'),
  ...of('/openai', STORED, 'vector stores', '/v1/vector_stores'),
  ...of('/openai', STORED, 'containers', '/v1/containers'),
  ...of('/openai', STORED, 'skills', '/v1/skills'),
  ...of('/openai', STORED, 'conversations', '/v1/conversations'),
  ...of('/openai', STORED, 'stored answers', '/v1/responses/', '/v1/chat/completions/'),
  ...of('/openai', LATER, 'batches', '/v1/batches'),
  ...of('/openai', TRAINING, 'fine-tuning', '/v1/fine_tuning', '/v1/fine-tunes'),
  ...of('/openai', TRAINING, 'evaluations', '/v1/evals', '/v1/graders'),
  ...of('/openai', AGENTS, 'assistants', '/v1/assistants', '/v1/threads', '/v1/chatkit'),
  ...of('/openai', AGENTS, 'agents', '/v1/agents', '/v1/vaults'),
  ...of('/openai', LIVE, 'realtime', '/v1/realtime', '/v1/live'),
  ...of('/openai', NOT_TEXT, 'audio', '/v1/audio'),
  ...of('/openai', NOT_TEXT, 'images', '/v1/images'),
  ...of('/openai', NOT_TEXT, 'videos', '/v1/videos'),
  ...of('/openai', 'it judges text and calls no model by name that could be governed', 'moderations', '/v1/moderations'),
  ...of('/openai', 'text completions have no turns or tools that could be read', 'text completions', '/v1/completions'),
  ...of('/openai', JUDGING, 'decisions', '/v1/decisions'),
  ...of('/openai', JUDGING, 'content provenance', '/v1/content_provenance_checks'),
  ...of('/openai', ADMINISTRATION, 'organization', '/v1/organization', '/v1/projects'),
  ...of('/openai', ADMINISTRATION, 'webhooks', '/v1/webhook_endpoints', '/v1/webhook_event_types'),
  ...of('/openai', ADMINISTRATION, 'safety', '/v1/safety'),
  ...of('/gemini', STORED, 'files', '/v1beta/files', '/upload/'),
  ...of('/gemini', STORED, 'cached contents', '/v1beta/cachedContents'),
  ...of('/gemini', STORED, 'corpora and file search stores', '/v1beta/corpora', '/v1beta/fileSearchStores'),
  ...of('/gemini', LATER, 'batches', '/v1beta/batches', '/v1beta/models/*:batchGenerateContent', '/v1beta/models/*:asyncBatchEmbedContent'),
  ...of('/gemini', LATER, 'operations', '/v1beta/operations', '/v1beta/models/*/operations'),
  ...of('/gemini', NOT_TEXT, 'images and videos', '/v1beta/models/*:predict'),
  ...of('/gemini', NOT_TEXT, 'voices', '/v1beta/voices'),
  ...of('/gemini', TRAINING, 'tuned models', '/v1beta/tunedModels'),
  ...of('/gemini', AGENTS, 'interactions', '/v1beta/interactions', '/v1beta/agents'),
  ...of('/gemini', AGENTS, 'what agents use', '/v1beta/environments', '/v1beta/triggers', '/v1beta/credentials'),
  ...of('/gemini', LIVE, 'live sessions', '/ws/', '/v1beta/auth_tokens'),
  ...of('/gemini', ADMINISTRATION, 'webhooks', '/v1beta/webhooks'),
];

const GEMINI_VERSION = /^\/v1(?:alpha)?\//;

const beginsLike = (path: string, beginning: string): boolean => {
  const [before = '', after] = beginning.split('*');
  if (!path.startsWith(before)) return false;
  return (
    after === undefined ||
    path
      .slice(before.length)
      .replace(/^[^/:]+/, '')
      .startsWith(after)
  );
};

/** What lies at a path that is not carried, and why, as the end of a sentence; null where nothing is known of it. */
export const notCarried = (prefix: string, path: string): string | null => {
  const asked = prefix === '/gemini' ? path.replace(GEMINI_VERSION, '/v1beta/') : path;
  const row = notCarriedTable.find((each) => each.prefix === prefix && beginsLike(asked, each.path));
  return row === undefined ? null : `${row.what}: ${row.why}`;
};
