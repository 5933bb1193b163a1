// The CLI agents that are driven for real: which version, where its program lies once installed, and how it answers one prompt and ends.
// A change of version is a change of this table; integrity is that of the packages which hold what runs, so another content is refused.
// Everything else that makes it an agent of the envelope is its adapter's, and comes by `sealwright run`.

import type { AgentClient } from '../../src/core/principal.ts';

export type CliName = Exclude<AgentClient, 'sdk'>;

export interface Cli {
  readonly name: CliName;
  readonly format: 'anthropic-messages' | 'openai-responses' | 'gemini';
  readonly package: string;
  readonly version: string;
  /** Whether the package brings its program in an optional package of the platform. */
  readonly optional: boolean;
  /** By folder under node_modules: what the registry's integrity of that package has to be. */
  readonly integrity: Readonly<Record<string, string>>;
  /** Under node_modules. */
  readonly program: string;
  /** What a person types. */
  readonly command: string;
  /** Arguments of a run that answers one prompt and ends. */
  readonly argv: (prompt: string, extra: readonly string[]) => readonly string[];
  /** The same where the prompt comes by standard input. */
  readonly piped: (extra: readonly string[]) => readonly string[];
}

const platform = `${process.platform}-${process.arch}`;

const claudeCode: Cli = {
  name: 'claude-code',
  format: 'anthropic-messages',
  package: '@anthropic-ai/claude-code',
  version: '2.1.197',
  optional: true,
  integrity: {
    '@anthropic-ai/claude-code': 'sha512-EqrwbRcI7M5y8jQlayIfTMmbZJ2OQaLOc7KwIWKdryQCdKWUEFr+C9rMovZUuj2Asndi7aqLujEzRtr471gncg==',
    '@anthropic-ai/claude-code-linux-x64':
      'sha512-rIlKmrY0QMyHgPRX/MYWNj039vbypICvI9jVe3rs9Xy2RnNklySjyPxqh62QadznzoftEO23uYQ1tFePcQ//bg==',
    '@anthropic-ai/claude-code-linux-arm64':
      'sha512-sx6SoGj3MNR5CV+YDkNtbLHXa1tn3G8qcYFgm1gnvOi9ODQUKbhiPfankJfkTMDVekOvnKJhm6i9hGFIPzp7cQ==',
    '@anthropic-ai/claude-code-darwin-arm64':
      'sha512-1FOVhJzkKGWgOEEsvaK3ylCEmjKeJiXwfKl7RtNEbiDj7OxhRQ1G1CLN0HGDTTq1QwY+Dm2x1Yscdv5NfobAxQ==',
  },
  // The package's own program is a stub until an install script has replaced it, and none runs here.
  program: `@anthropic-ai/claude-code-${platform}/claude`,
  command: 'claude',
  argv: (prompt, extra) => ['-p', ...extra, '--', prompt],
  piped: (extra) => ['-p', ...extra],
};

const codex: Cli = {
  name: 'codex',
  format: 'openai-responses',
  package: '@openai/codex',
  version: '0.169.0',
  optional: true,
  integrity: {
    '@openai/codex': 'sha512-KhzYlkKPxoNssR8CEm45IjqnFWn7UtlF4CiD3tOJPea51xBs7MaHy0UQG9GSbCqk6Lrjn5QdJDV0QD1/FgWlGw==',
    '@openai/codex-linux-x64': 'sha512-o05NyAOCDygSPRo1yinzxvkRSdmsZyBD9E7mbpmjRanSfM8lypqWtQgEo4XfNkwhuCR2aFu8mlGOsQGFXVbVww==',
    '@openai/codex-linux-arm64': 'sha512-NZ/DaQUpcQmxmqee7Z9uC1rzw3GhSbooawcaTe1LN5Yk+WlinUKGdTXJgClRT/9ogQEEM9TWxYzvxPfj5G/xFg==',
    '@openai/codex-darwin-arm64': 'sha512-5WsWFBbVP78D+6FvNo1MMVxLPZdmcoQlqVJFrF4qx/TmvneLnMQKtLyXkUo54XOTDfoYKpNouTJ/F7gTVA8FnQ==',
  },
  program: '@openai/codex/bin/codex.js',
  command: 'codex',
  // Its own sandbox is left out: it would cut the commands off from loopback, and what they do is scripted here.
  argv: (prompt, extra) => ['exec', '--skip-git-repo-check', '-s', 'danger-full-access', ...extra, '--', prompt],
  piped: (extra) => ['exec', '--skip-git-repo-check', '-s', 'danger-full-access', ...extra, '-'],
};

const geminiCli: Cli = {
  name: 'gemini-cli',
  format: 'gemini',
  package: '@google/gemini-cli',
  version: '0.61.0',
  optional: false,
  integrity: {
    '@google/gemini-cli': 'sha512-dbQ9A0qBtFJNi6XBkHvfZ6Azpn6PNgH/P8h2MZ67RLlX8hSAVjup39CRWqdRxZv7YXIuhrFaytr8y0jKnkoxnQ==',
  },
  program: '@google/gemini-cli/bundle/gemini.js',
  command: 'gemini',
  argv: (prompt, extra) => [...extra, '-p', prompt],
  piped: (extra) => extra,
};

export const clis: Readonly<Record<CliName, Cli>> = { 'claude-code': claudeCode, codex, 'gemini-cli': geminiCli };
