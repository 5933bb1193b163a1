import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { limits } from '../core/limits.ts';
import { type Config, configJsonSchema, configReference, type LoadedConfig, parseConfig } from './config.ts';
import type { ConfigProblem } from './problem.ts';

const example = fs.readFileSync(new URL('../../examples/sealwright.yaml', import.meta.url), 'utf8');
const exampleRoles = fs.readFileSync(new URL('../../examples/roles/agent_roles.yaml', import.meta.url), 'utf8');

/** The least that is valid, with room for more. */
const least = (more = ''): string => `environment: development
data_dir: ./data
identity: { local_development: true }
agents: { sdk: { client: sdk, roles: [demo] } }
agent_roles: { demo: { allowed_models: [simulated-1] } }
endpoints:
  rehearsal: { formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: simulated-1 }] }
${more}`;

const parse = (text: string) => parseConfig(Buffer.from(text), '/etc/sealwright');

const loaded = (text: string): LoadedConfig => {
  const result = parse(text);
  assert.ok('config' in result, JSON.stringify(result));
  return result;
};

const configOf = (text: string): Config => loaded(text).config;

const shown = ({ path, line, message, nearest }: ConfigProblem): string =>
  `${line}: ${path} ${message}${nearest === undefined ? '' : ` (${nearest}?)`}`;

const problems = (text: string): readonly string[] => {
  const result = parse(text);
  assert.ok('problems' in result, 'the config was accepted');
  return result.problems.map(shown);
};

const warnings = (text: string): readonly string[] => loaded(text).warnings.map(shown);

describe('what a config means', () => {
  it('fills in defaults', () => {
    const config = configOf(least());
    assert.equal(config.server.host, '127.0.0.1');
    assert.deepEqual({ ...config.server.ports }, { model: 7420, network: 7421, admin: 7422 });
    assert.equal(config.server.deployment, 'laptop');
    assert.deepEqual({ ...config.ledger }, { name: 'local', retention_class: 'standard', segment_bytes: limits.segmentBytes });
    assert.deepEqual({ ...config.policies }, { folder: null, mode: 'enforce' });
    assert.equal(config.privacy.mode, 'off');
    assert.equal(config.agent_roles['demo']?.data_classification, 'restricted');
  });

  it('takes paths to begin at the file, and keeps them as they were written in what was declared', () => {
    const { config, declared } = loaded(
      least('policies: rules\nledger: { known_checkpoints: ../seen }\nserver: { control_socket: run/control.sock }'),
    );
    assert.equal(config.data_dir, '/etc/sealwright/data');
    assert.equal(config.policies.folder, '/etc/sealwright/rules');
    assert.equal(config.ledger.known_checkpoints, '/etc/seen');
    assert.equal(config.server.control_socket, '/etc/sealwright/run/control.sock');
    assert.equal(declared.data_dir, './data');
    assert.equal(declared.policies, 'rules');
  });

  it('keeps the order of endpoints', () => {
    const endpoint = '{ formats: [anthropic-messages], topology: self-hosted, provider: simulated, region: local, models: [{ pin: m }] }';
    assert.deepEqual(Object.keys(configOf(least(`  b: ${endpoint}\n  a: ${endpoint}\n`)).endpoints), ['rehearsal', 'b', 'a']);
  });

  it('finds nothing under a name that everything in JavaScript has', () => {
    const config = configOf(least());
    assert.equal(config.agents['constructor'], undefined);
    assert.equal(config.agent_roles['toString'], undefined);
  });

  it('cannot be changed after it was loaded', () => {
    assert.throws(() => Object.assign(configOf(least()).agents['sdk']?.roles ?? [], ['other']), TypeError);
  });

  it('fills what a role leaves out from the defaults, and only that', () => {
    const config = configOf(
      least('agent_role_defaults: { allowed_models: [simulated-1], data_classification: confidential }').replace(
        'agent_roles: { demo: { allowed_models: [simulated-1] } }',
        'agent_roles: { demo: {}, own: { allowed_models: [], data_classification: public } }',
      ),
    );
    assert.deepEqual(config.agent_roles['demo']?.allowed_models, ['simulated-1']);
    assert.equal(config.agent_roles['demo']?.data_classification, 'confidential');
    assert.deepEqual(config.agent_roles['own']?.allowed_models, []);
    assert.equal(config.agent_roles['own']?.data_classification, 'public');
  });
});

describe('the packaged examples', () => {
  it('load without a warning', () => {
    const { config, warnings: found } = loaded(example);
    assert.deepEqual(found, []);
    assert.deepEqual(Object.keys(config.endpoints), ['rehearsal']);
    assert.equal(config.endpoints['rehearsal']?.provider, 'simulated');
  });

  it('hold a real endpoint in their comments that loads once it is uncommented', () => {
    const real = example.replace(/^ {2}# (?=claude:| )/gm, '  ');
    assert.deepEqual(configOf(real).endpoints['claude']?.credential, Object.assign(Object.create(null), { env: 'ANTHROPIC_API_KEY' }));
  });

  it('show the three usual roles, which load unchanged', () => {
    const head = least()
      .split('\n')
      .filter((line) => !line.startsWith('agent_roles') && !line.startsWith('agents'));
    const agents = 'agents: { sdk: { client: sdk, roles: [customer_service_agent, financial_analysis_agent, document_processing_agent] } }';
    const { config, warnings: found } = loaded([...head, agents, exampleRoles].join('\n'));
    assert.deepEqual(config.agent_roles['customer_service_agent']?.allowed_tools, [
      'get_order_status',
      'get_product_catalog',
      'create_support_ticket',
      'get_return_policy',
    ]);
    assert.equal(config.agent_roles['customer_service_agent']?.max_response_time_seconds, 30);
    assert.equal(config.agent_roles['financial_analysis_agent']?.data_classification, 'confidential');
    assert.equal(config.agent_roles['document_processing_agent']?.data_classification, 'restricted');
    assert.equal(found.filter(({ message }) => message.includes('calls no model')).length, 3);
    assert.equal(found.filter(({ message }) => message.includes('is not defined')).length, 2);
  });
});

describe('problems', () => {
  it('name the line, the path and the nearest known name of a typing error', () => {
    assert.deepEqual(problems(example.replace('allowed_models', 'alowed_models')), [
      '32: agent_roles.demo.alowed_models is not a known setting (allowed_models?)',
    ]);
    assert.deepEqual(problems(least('polices: x')), ['8: polices is not a known setting (policies?)']);
    assert.deepEqual(problems(least().replace('roles: [demo]', 'roles: [dmeo]')), [
      '4: agents.sdk.roles[0] names a role that is not under agent_roles (demo?)',
    ]);
    assert.deepEqual(problems(least().replace('self-hosted', 'selfhosted')), [
      '7: endpoints.rehearsal.topology must be one of vendor, cloud-partner, self-hosted (self-hosted?)',
    ]);
  });

  it('say what was expected and what kind of value stands there', () => {
    assert.deepEqual(problems(least().replace('data_dir: ./data', 'data_dir: 3')), ['2: data_dir expected text, found a number']);
    assert.deepEqual(problems(least().replace('roles: [demo]', 'roles: demo')), ['4: agents.sdk.roles expected a list, found text']);
    assert.deepEqual(problems(least().replace('data_dir: ./data\n', '')), ['1: data_dir is missing']);
    assert.deepEqual(problems(least('policies: [a]')), [
      '8: policies expected text or { mode: … }, found a list'.replace('{ mode: … }', '{ folder: …, mode: … }'),
    ]);
    assert.deepEqual(problems(least('policies: { foldr: a }')), ['8: policies.foldr is not a known setting (folder?)']);
    assert.deepEqual(problems(least('server: { ports: { model: 65536 } }')), ['8: server.ports.model must be at most 65535']);
    assert.deepEqual(problems(''), ['1:  the file must hold a mapping of settings']);
    assert.deepEqual(problems('- a'), ['1:  the file must hold a mapping of settings']);
  });

  it('G-WORLD-3: tell what is not built yet from what is misspelt', () => {
    for (const name of ['vendors', 'tools', 'oversight', 'budgets', 'changes', 'governance']) {
      assert.deepEqual(problems(least(`${name}: {}`)), [`8: ${name} is not built yet; take it out`]);
    }
    assert.match(problems(least('privacy: { mode: mask }'))[0] ?? '', /^8: privacy\.mode .*not built yet/);
  });

  it('G-LISTEN-1: name a listener beyond this machine that is in clear, or where nobody proves who he is', () => {
    const tls = 'tls: { certificate: c.pem, key: k.pem }';
    const proved = (server: string): readonly string[] =>
      problems(
        least(`server: ${server}`).replace('{ local_development: true }', '{ issuers: { corporate: { url: https://login.example.com } } }'),
      );
    assert.deepEqual(problems(least(`server: { host: 10.0.0.1, ${tls} }`)), [
      '8: server.host is not a loopback address, and local_development proves nobody',
    ]);
    assert.deepEqual(proved('{ host: 10.0.0.1 }'), ['8: server.host is not a loopback address; a listener there needs `server.tls`']);
    assert.deepEqual(proved(`{ host: "::", ${tls} }`), ['8: server.host is every address; say under `server.names` what clients call it']);
    assert.deepEqual(proved('{ deployment: server }'), ['8: server.deployment is server; runners elsewhere need `server.tls`']);
    for (const deployment of ['host', 'server'])
      assert.match(problems(least(`server: { deployment: ${deployment}, ${tls} }`))[0] ?? '', /where invokers prove who they are/);
  });

  it('name groups, roles and agents under identity that are not there', () => {
    const identity = `{ issuers: { corporate: { url: https://login.example.com, groups: { eng: enginers }, everyone: [staff] } },
  clients: { corporate: { keys: k, groups: [engineers] } }, groups: { engineers: { agent_roles: [dmeo], agents: [skd] } } }`;
    assert.deepEqual(
      problems(least().replace('{ local_development: true }', identity)).map((problem) => problem.replace(/^\d+: /, '')),
      [
        'identity.issuers.corporate.everyone[0] names what is not under identity.groups',
        'identity.issuers.corporate.groups.eng names what is not under identity.groups (engineers?)',
        'identity.groups.engineers.agent_roles[0] names what is not under agent_roles (demo?)',
        'identity.groups.engineers.agents[0] names what is not under agents (sdk?)',
        'identity.clients.corporate is the name of an issuer too; records must tell them apart',
      ],
    );
  });

  it('come all at once, in the order of the file', () => {
    const text = least('foo: 1').replace('environment: development', 'environment: prod').replace('client: sdk', 'client: sdl');
    assert.deepEqual(
      problems(text).map((problem) => problem.split(' ')[1]),
      ['environment', 'agents.sdk.client', 'foo'],
    );
  });

  it('name a control socket whose path is too long', () => {
    assert.match(
      problems(least(`server: { control_socket: ${'a'.repeat(100)} }`))[0] ?? '',
      /^8: server\.control_socket is 116 bytes long/,
    );
  });

  it('find model names that mean two models', () => {
    const endpoint = (models: string) => least().replace('[{ pin: simulated-1 }]', models);
    assert.match(problems(endpoint('[{ pin: a }, { pin: a }]'))[0] ?? '', /models\[1\]\.pin is listed twice/);
    assert.match(problems(endpoint('[{ pin: a }, { pin: b, also_called: [a] }]'))[0] ?? '', /models\[1\]\.also_called\[0\] is the pin/);
    assert.match(problems(endpoint('[{ pin: a, also_called: [x] }, { pin: b, also_called: [x] }]'))[0] ?? '', /already means a/);
  });
});

describe('secrets', () => {
  const withCredential = (credential: string): string =>
    least().replace('provider: simulated', `provider: x, base_url: https://x.example, credential: ${credential}`);

  it('are named in one of three ways', () => {
    assert.ok(configOf(withCredential('{ env: KEY }')));
    assert.ok(configOf(withCredential('{ command: [vault, read] }')));
    assert.deepEqual({ ...configOf(withCredential('{ file: key }')).endpoints['rehearsal']?.credential }, { file: '/etc/sealwright/key' });
    assert.match(
      problems(withCredential('{ env: A, file: B }'))[0] ?? '',
      /credential expected \{ env: … \} or \{ file: … \} or \{ command: … \}/,
    );
  });

  it('are refused wherever they stand in clear, and never repeated', () => {
    const secret = `sk-ant-api03-${'Zz9'.repeat(12)}`;
    const places = [
      withCredential(secret),
      withCredential(`{ env: ${secret} }`),
      withCredential(`{ command: [print, ${secret}] }`),
      least(`api_key: ${secret}`),
      least(`${secret}: 1`),
      least(`ledger: { name: ${secret} }`),
      least(`x: "${secret}`),
      least(`x: *${secret}`),
      least(`x: ${secret}: y`),
      least(`? { ${secret}: 1 }\n: x`),
    ];
    for (const text of places) {
      const found = problems(text).join('\n');
      assert.ok(found.length > 0 && !found.includes('Zz9'), found);
    }
    assert.match(problems(least(`api_key: ${secret}`))[0] ?? '', /^8: api_key this looks like a credential/);
    assert.ok(!problems(withCredential('hunter2')).join('\n').includes('hunter2'));
    assert.ok(!problems(withCredential('{ env: "hunter 2" }')).join('\n').includes('hunter'));
    assert.ok(!problems(least('x: https://me:hunter2@x.example')).join('\n').includes('hunter2'));
  });
});

describe('warnings', () => {
  it('tell of settings that do less than they seem to', () => {
    assert.deepEqual(warnings(least().replace('{ allowed_models: [simulated-1] }', '{}')), [
      '5: agent_roles.demo has no allowed_models and calls no model',
    ]);
    assert.match(
      warnings(least().replace('allowed_models: [simulated-1]', 'allowed_models: [simulatd-1]'))[0] ?? '',
      /allowed_models\[0\] is a model that no endpoint lists .*\(simulated-1\?\)/,
    );
    assert.match(
      warnings(least().replace('formats: [anthropic-messages]', 'formats: [anthropic-messages, bedrock-converse]'))[0] ?? '',
      /formats bedrock-converse: not carried yet/,
    );
    assert.match(warnings(least('policies: { mode: observe }'))[0] ?? '', /policies\.mode lets denied crossings pass/);
    assert.match(warnings(least().replace('environment: development', 'environment: production'))[0] ?? '', /proves nobody's identity/);
    const role = (settings: string) =>
      warnings(least().replace('allowed_models: [simulated-1]', `allowed_models: [simulated-1], ${settings}`));
    assert.match(role('allowed_tools: [a], prohibited_tools: [a]')[0] ?? '', /allowed_tools\[0\] is also prohibited/);
    assert.match(role('allowed_tools: [a], requires_human_approval_for: [a]')[0] ?? '', /needs an approval that nobody can give/);
    assert.match(role('allowed_tools: [a], requires_human_approval_for: [over]')[0] ?? '', /every tool call of this role needs approval/);
  });

  it('are none for the least config', () => assert.deepEqual(warnings(least()), []));
});

describe('the name of a tool', () => {
  it('is refused where no record would keep it, so that a list does not speak of what is never asked', () => {
    for (const list of [
      'allowed_tools: [sk-delete]',
      'allowed_tools: [{ tool: a@b.com }]',
      'prohibited_tools: [sw_x]',
      'requires_human_approval_for: [eyJ]',
    ])
      assert.match(
        problems(least().replace('allowed_models: [simulated-1]', `allowed_models: [simulated-1], ${list}`))[0] ?? '',
        /^5: agent_roles\.demo\.\w+\[0\].* has the form of a credential or of a mail address/,
      );
  });
});

describe('strict YAML', () => {
  it('refuses what a config does not need, with its line', () => {
    assert.match(problems(least('environment: staging'))[0] ?? '', /^8: .*twice/);
    assert.match(problems(least('x: &a 1'))[0] ?? '', /^8: x anchors/);
    assert.match(problems(`%YAML 1.1\n---\n${least('')}`)[0] ?? '', /directives/);
    assert.match(problems(least('x: !!binary aaaa'))[0] ?? '', /^8: x tags/);
    assert.match(problems(least('x: *a'))[0] ?? '', /^8: .*aliases/);
    assert.match(problems(least('? [a]\n: 1'))[0] ?? '', /the name of a member must be plain text/);
    assert.match(problems(least('---\na: 1'))[0] ?? '', /one document/);
    assert.match(problems(least('\tx: 1'))[0] ?? '', /^8: .*tab/);
    assert.match(problems(least('__proto__: {}'))[0] ?? '', /^8: __proto__ this name is not allowed/);
    assert.match(problems(least('x: "\\ud800"'))[0] ?? '', /half of a character/);
    assert.match(problems('['.repeat(5000))[0] ?? '', /nested too deeply/);
    assert.match(problems(`a: ${'['.repeat(300)}${']'.repeat(300)}`)[0] ?? '', /nested too deeply/);
  });

  it('refuses bytes that are not UTF-8', () => {
    const result = parseConfig(Uint8Array.of(0x61, 0x3a, 0x20, 0xff), '/');
    assert.ok('problems' in result);
    assert.match(result.problems[0]?.message ?? '', /not UTF-8/);
  });

  it('expands no aliases, however small the file is', () => {
    const bomb = ['a: &a [x]', ...Array.from({ length: 30 }, (_, index) => `b${index}: &b${index} [*a, *a]`)].join('\n');
    assert.match(problems(bomb)[0] ?? '', /anchors/);
  });
});

describe('what is emitted', () => {
  interface Node {
    readonly description?: string;
    readonly properties?: Readonly<Record<string, Node>>;
    readonly additionalProperties?: Node | boolean;
    readonly items?: Node;
    readonly anyOf?: readonly Node[];
  }
  const undescribed = (node: Node, path: string): readonly string[] => [
    ...Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
      ...(child.description === undefined ? [`${path}.${key}`] : []),
      ...undescribed(child, `${path}.${key}`),
    ]),
    ...(typeof node.additionalProperties === 'object' ? undescribed(node.additionalProperties, `${path}.*`) : []),
    ...(node.items === undefined ? [] : undescribed(node.items, `${path}[]`)),
    ...(node.anyOf ?? []).flatMap((option) => undescribed(option, path)),
  ];

  it('describes every setting', () => {
    const schema = configJsonSchema() as Node;
    assert.deepEqual(undescribed(schema, ''), []);
    assert.ok(Object.keys(schema.properties ?? {}).length > 8);
  });

  it('is a JSON Schema of draft 2020-12 that asks only for what has no default', () => {
    const schema = configJsonSchema();
    assert.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema');
    assert.deepEqual(schema['required'], ['environment', 'data_dir', 'identity', 'agents', 'agent_roles', 'endpoints']);
    assert.equal(schema['additionalProperties'], false);
  });

  it('is a reference page with a row for each setting', () => {
    const page = configReference();
    for (const row of [
      '`server.ports.model` | whole number from 0 to 65535 | `7420`',
      '`agent_roles.NAME.allowed_tools`',
      '`endpoints.NAME.models[].pin`',
      '`endpoints.NAME.credential.env`',
    ]) {
      assert.ok(page.includes(row), row);
    }
  });
});
