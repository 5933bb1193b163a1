// The agent's environment: rebuilt from empty, what the table below lets through, and what points its client at the envelope.
// A variable that is not in the table does not pass. Nothing in the table carries a credential, names a proxy or makes a program load code.

export type Environment = Readonly<Record<string, string | undefined>>;

/** Name, or a prefix with a trailing `*`, and why an agent needs it. */
export const passedVariables: readonly (readonly [name: string, why: string])[] = [
  ['PATH', 'its tools are found'],
  ['HOME', 'its settings and those of its tools'],
  ['USER', 'programs ask who runs them'],
  ['LOGNAME', 'programs ask who runs them'],
  ['SHELL', 'its shell tool'],
  ['PWD', 'the working folder as the person named it'],
  ['TMPDIR', 'scratch files where the person wants them'],
  ['TERM', 'what the terminal can do'],
  ['TERM_PROGRAM', 'key bindings differ between terminals'],
  ['TERM_PROGRAM_VERSION', 'key bindings differ between terminals'],
  ['COLORTERM', 'colours'],
  ['NO_COLOR', 'colours'],
  ['FORCE_COLOR', 'colours'],
  ['COLUMNS', 'window size'],
  ['LINES', 'window size'],
  ['LANG', 'language and encoding'],
  ['LANGUAGE', 'language and encoding'],
  ['LC_*', 'language and encoding'],
  ['TZ', 'local time'],
  ['EDITOR', 'what it opens for a person'],
  ['VISUAL', 'what it opens for a person'],
  ['PAGER', 'what it opens for a person'],
  ['CI', 'asks nothing where nobody watches'],
  // Not XDG_RUNTIME_DIR: sockets lie there, the control socket among them.
  ['XDG_CONFIG_HOME', 'where its settings lie'],
  ['XDG_DATA_HOME', 'where its data lie'],
  ['XDG_STATE_HOME', 'where its state lies'],
  ['XDG_CACHE_HOME', 'where its cache lies'],
];

const passes = (name: string): boolean =>
  passedVariables.some(([passed]) => (passed.endsWith('*') ? name.startsWith(passed.slice(0, -1)) : name === passed));

export interface Doorway {
  readonly invocationId: string;
  readonly credential: string;
  /** Origin of the model door. */
  readonly modelDoor: string;
}

/** Files of authorities to trust, as Node and OpenSSL read them. */
const authorityVariables = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'] as const;

/** Variables that carry the credential of the invocation, each for the clients of one vendor. */
export const credentialVariables = ['ANTHROPIC_AUTH_TOKEN', 'OPENAI_API_KEY', 'GEMINI_API_KEY'] as const;
export type CredentialVariable = (typeof credentialVariables)[number];

const loopback = 'localhost,127.0.0.1,::1';

/** All variables of the agent: those of `parent` that pass, then ours, which win. */
export const agentEnvironment = (parent: Environment, { invocationId, credential, modelDoor }: Doorway): Record<string, string> => {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(parent)) if (value !== undefined && passes(name)) environment[name] = value;
  // An envelope elsewhere shows a certificate that the person may have had to name an authority for.
  if (modelDoor.startsWith('https:'))
    for (const name of authorityVariables) if (parent[name] !== undefined) environment[name] = parent[name];
  return {
    ...environment,
    ANTHROPIC_BASE_URL: `${modelDoor}/anthropic`,
    // Never ANTHROPIC_API_KEY: one client sends that also to its vendor's side endpoints.
    ANTHROPIC_AUTH_TOKEN: credential,
    OPENAI_BASE_URL: `${modelDoor}/openai/v1`,
    OPENAI_API_KEY: credential,
    GOOGLE_GEMINI_BASE_URL: `${modelDoor}/gemini`,
    GEMINI_API_KEY: credential,
    // Without these, clients would send loopback traffic to a proxy that a settings file names.
    NO_PROXY: loopback,
    no_proxy: loopback,
    SEALWRIGHT_INVOCATION: invocationId,
  };
};
