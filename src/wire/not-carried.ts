// What the vendors offer beside the operations that are carried, each with the reason why it is refused.
// A path that no row names is refused as well; a row only says more. The page on wire formats in the docs is made from this table.

export interface NotCarried {
  readonly prefix: string;
  /** Beginning of the vendor's own paths. */
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

const of = (prefix: string, why: string, what: string, ...paths: readonly string[]): readonly NotCarried[] =>
  paths.map((path) => ({ prefix, path, what, why }));

export const notCarriedTable: readonly NotCarried[] = [
  ...of('/anthropic', LATER, 'batches', '/v1/messages/batches'),
  ...of('/anthropic', STORED, 'files', '/v1/files'),
  ...of('/anthropic', STORED, 'skills', '/v1/skills'),
  ...of('/anthropic', AGENTS, 'managed agents', '/v1/agents', '/v1/sessions', '/v1/environments'),
  ...of('/anthropic', ADMINISTRATION, 'organization', '/v1/organizations'),
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
  ...of('/openai', LIVE, 'realtime', '/v1/realtime'),
  ...of('/openai', NOT_TEXT, 'audio', '/v1/audio'),
  ...of('/openai', NOT_TEXT, 'images', '/v1/images'),
  ...of('/openai', NOT_TEXT, 'videos', '/v1/videos'),
  ...of('/openai', 'it judges text and calls no model by name that could be governed', 'moderations', '/v1/moderations'),
  ...of('/openai', 'text completions have no turns or tools that could be read', 'text completions', '/v1/completions'),
  ...of('/openai', ADMINISTRATION, 'organization', '/v1/organization', '/v1/projects'),
  ...of('/gemini', STORED, 'files', '/v1beta/files', '/upload/', '/v1/files'),
  ...of('/gemini', STORED, 'cached contents', '/v1beta/cachedContents'),
  ...of('/gemini', STORED, 'corpora and file search stores', '/v1beta/corpora', '/v1beta/fileSearchStores'),
  ...of('/gemini', LATER, 'batches', '/v1beta/batches'),
  ...of('/gemini', TRAINING, 'tuned models', '/v1beta/tunedModels'),
  ...of('/gemini', AGENTS, 'interactions', '/v1beta/interactions', '/v1beta/agents'),
  ...of('/gemini', LIVE, 'live sessions', '/ws/', '/v1beta/auth_tokens', '/v1alpha/auth_tokens'),
];

/** What lies at a path that is not carried, and why, as the end of a sentence; null where nothing is known of it. */
export const notCarried = (prefix: string, path: string): string | null => {
  const row = notCarriedTable.find((each) => each.prefix === prefix && path.startsWith(each.path));
  return row === undefined ? null : `${row.what}: ${row.why}`;
};
