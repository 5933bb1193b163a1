import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentEnvironment, passedVariables } from './agent-environment.ts';

const doorway = {
  invocationId: '01900000-0000-7000-8000-000000000000',
  credential: 'the-credential-of-this-run',
  modelDoor: 'http://127.0.0.1:7420',
};

test('G-WORLD-2: exactly these variables of the person pass', () => {
  assert.deepEqual(
    passedVariables.map(([name]) => name),
    [
      'PATH',
      'HOME',
      'USER',
      'LOGNAME',
      'SHELL',
      'PWD',
      'TMPDIR',
      'TERM',
      'TERM_PROGRAM',
      'TERM_PROGRAM_VERSION',
      'COLORTERM',
      'NO_COLOR',
      'FORCE_COLOR',
      'COLUMNS',
      'LINES',
      'LANG',
      'LANGUAGE',
      'LC_*',
      'TZ',
      'EDITOR',
      'VISUAL',
      'PAGER',
      'CI',
      'XDG_CONFIG_HOME',
      'XDG_DATA_HOME',
      'XDG_STATE_HOME',
      'XDG_CACHE_HOME',
    ],
  );
});

test('exactly these variables are set, and they win', () => {
  const ours = {
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:7420/anthropic',
    ANTHROPIC_AUTH_TOKEN: 'the-credential-of-this-run',
    OPENAI_BASE_URL: 'http://127.0.0.1:7420/openai/v1',
    OPENAI_API_KEY: 'the-credential-of-this-run',
    GOOGLE_GEMINI_BASE_URL: 'http://127.0.0.1:7420/gemini',
    GEMINI_API_KEY: 'the-credential-of-this-run',
    NO_PROXY: 'localhost,127.0.0.1,::1',
    no_proxy: 'localhost,127.0.0.1,::1',
    SEALWRIGHT_INVOCATION: '01900000-0000-7000-8000-000000000000',
  };
  assert.deepEqual(agentEnvironment({}, doorway), ours);
  assert.deepEqual(agentEnvironment({ OPENAI_BASE_URL: 'https://elsewhere.example', NO_PROXY: '*' }, doorway), ours);
});

test('a credential, a proxy, a socket or what makes a program load code does not pass', () => {
  const refused = [
    'ANTHROPIC_API_KEY',
    'ANTHROPIC_CUSTOM_HEADERS',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'GITHUB_TOKEN',
    'NPM_TOKEN',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'SSH_AUTH_SOCK',
    'XDG_RUNTIME_DIR',
    'DBUS_SESSION_BUS_ADDRESS',
    'HTTPS_PROXY',
    'https_proxy',
    'ALL_PROXY',
    'NODE_OPTIONS',
    'NODE_EXTRA_CA_CERTS',
    'PYTHONPATH',
    'PYTHONSTARTUP',
    'LD_PRELOAD',
    'DYLD_INSERT_LIBRARIES',
    'BASH_ENV',
    'ENV',
    'GIT_DIR',
    'GIT_SSH_COMMAND',
    'SEALWRIGHT_CONTROL',
    'LC',
    'PATHS',
  ];
  const environment = agentEnvironment(Object.fromEntries(refused.map((name) => [name, 'secret'])), doorway);
  assert.deepEqual(
    Object.entries(environment).filter(([, value]) => value === 'secret'),
    [],
  );
});

test('what passes keeps its value', () => {
  const environment = agentEnvironment({ PATH: '/bin', LC_ALL: 'C', TERM: '', LANG: undefined }, doorway);
  assert.deepEqual([environment['PATH'], environment['LC_ALL'], environment['TERM'], 'LANG' in environment], ['/bin', 'C', '', false]);
});
