// The page on wire formats, made from what the tests run and from the formats themselves: conformance cases, the features of the official clients,
// what each kind of client is told, the names of what a provider runs, and the table of what is not carried. Pure; whoever asks writes it.

import type { AgentClient } from '../src/core/principal.ts';
import type { WireFormat } from '../src/core/wire-format.ts';
import { notCarriedTable } from '../src/wire/not-carried.ts';
import { formats } from '../src/wire/wire.ts';
import type { CliName } from '../test/agents/clis.ts';
import { clis } from '../test/agents/clis.ts';
import { cliFeatures } from '../test/agents/features.ts';
import type { Feature } from '../test/clients/feature.ts';
import { clients, featureNames } from '../test/clients/feature.ts';
import { features } from '../test/clients/features.ts';
import { casesOf } from '../test/conformance/cases.ts';
import { answerPositions, positions, requestPositions } from '../test/contracts/positions.ts';

export type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

const waysOf = (found: readonly Feature[]): string => {
  if (found.length > 0 && found.every(({ answeredBy }) => answeredBy === 'envelope')) return 'read by the client';
  const ways = [
    ...(found.some(({ streaming }) => !streaming) ? ['whole'] : []),
    ...(found.some(({ streaming }) => streaming) ? ['streamed'] : []),
  ];
  return ways.join(', ');
};

const waysOfCli = (cli: CliName, row: string): string => {
  const found = cliFeatures().filter((each) => each.cli === cli && each.feature === row);
  if (row === 'model list' && found.length > 0) return 'read by the client';
  return [
    ...(found.some(({ whole }) => whole === true) ? ['whole'] : []),
    ...(found.some(({ whole }) => whole !== true) ? ['streamed'] : []),
  ].join(', ');
};

const formatSection = (name: string, prefix: string, table: Table): string => {
  const cases = casesOf(name);
  const operations = new Map(cases.map(({ expected: { request } }) => [request.operation, request.path]));
  const own = features.filter(({ format }) => format === name);
  const users = clients.filter((client) => own.some((feature) => feature.client === client));
  const agents = Object.values(clis).filter(({ format }) => format === name);
  const isRun = (row: string): boolean =>
    own.some(({ feature }) => feature === row) || agents.some((cli) => waysOfCli(cli.name, row) !== '');
  const rows = featureNames
    .filter(isRun)
    .map((row) => [
      row,
      ...users.map((client) => waysOf(own.filter((each) => each.feature === row && each.client === client))),
      ...agents.map((cli) => waysOfCli(cli.name, row)),
    ]);
  return `## ${name}

Under \`${prefix}\`: ${[...operations].map(([operation, path]) => `\`${operation}\` (such as \`${path}\`)`).join(', ')}. ${cases.length} conformance cases.

${table(['feature', ...users.map((client) => `\`${client}\``), ...agents.map((cli) => `\`${cli.name}\` ${cli.version}`)], rows)}
`;
};

/** Which kinds of clients speak a format; `sdk` is whoever is no CLI agent that we know. */
const speakers: Readonly<Record<string, readonly AgentClient[]>> = {
  'anthropic-messages': ['sdk', 'claude-code'],
  'openai-chat': ['sdk'],
  'openai-responses': ['sdk', 'codex'],
  'openai-embeddings': ['sdk'],
  gemini: ['sdk', 'gemini-cli'],
};

const isStreamed = ({ name }: WireFormat): boolean => casesOf(name).some(({ streamed }) => streamed);

const sentence = { sentence: '…', recordId: null } as const;

/** What the data of an event says that it is: its type, or the members by which clients tell it. */
const eventName = (data: string): string => {
  const { type, choices, error, candidates, usageMetadata } = JSON.parse(data) as Record<string, unknown>;
  if (typeof type === 'string') return type;
  if (error !== undefined) return 'error';
  if (Array.isArray(choices)) return choices.length === 0 ? 'a chunk without choices' : 'a chunk';
  return candidates !== undefined ? 'a text and STOP' : usageMetadata !== undefined ? 'a chunk with usageMetadata' : 'an event';
};

const eventsIn = (bytes: Uint8Array): string =>
  [
    ...Buffer.from(bytes)
      .toString()
      .matchAll(/^data: (.*)$/gm),
  ]
    .map(([, data = '']) => eventName(data.trim()))
    .join(', ');

/** The numbers for which something holds, runs of them as one. */
const spans = (from: number, to: number, holds: (number: number) => boolean): string => {
  const found: (readonly [number, number])[] = [];
  for (let number = from; number <= to; number += 1) {
    const last = found.at(-1);
    if (!holds(number)) continue;
    if (last !== undefined && last[1] === number - 1) found[found.length - 1] = [last[0], number];
    else found.push([number, number]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(', ') || 'none';
};

const statusOf = (format: WireFormat, client: AgentClient, code: 'tool_not_permitted' | 'rate_limited' | 'overloaded'): string => {
  const cases = casesOf(format.name);
  // An operation that streams, where the format has one.
  const streams = cases.some(({ streamed }) => streamed);
  const [operation = ''] = cases.filter(({ streamed }) => streamed === streams).map(({ expected: { request } }) => request.operation);
  const { status, headers } = format.renderDenial({ code, ...sentence }, client, operation);
  const wait = headers['retry-after'];
  return `${status}${wait === undefined ? '' : `, wait ${wait} s`}${status === 200 ? ', as text' : ''}`;
};

/** What keeps a client waiting, before the answer begins and behind its first event. */
const waitingFor = (format: WireFormat, client: AgentClient): string => {
  const fair = casesOf(format.name).find(({ name }) => /^(plain-)?text-streamed$/.test(name));
  if (fair === undefined) throw new Error(`${format.name} has no case of a streamed text`);
  const reader = format.readStream(fair.expected.request.operation);
  const early = reader.keepAlive(client);
  const first = /\r?\n\r?\n/.exec(Buffer.from(fair.upstream).toString('latin1'));
  const pieces = [...reader.push(fair.upstream.subarray(0, (first?.index ?? 0) + (first?.[0].length ?? 0)))];
  const late = pieces.length === 0 ? null : reader.keepAlive(client);
  if (late === null) return 'nothing';
  return early === null ? `${eventsIn(late)}, once it has begun` : eventsIn(late);
};

const toldRows = (): readonly (readonly string[])[] =>
  formats.flatMap((format) =>
    (speakers[format.name] ?? []).map((client) => {
      const { renderDenial } = format.readStream('');
      const patienceMs = format.answerWithinMs(client);
      const refused = (['tool_not_permitted', 'rate_limited', 'overloaded'] as const).map((code) => statusOf(format, client, code));
      return [
        format.name,
        `\`${client}\``,
        ...refused,
        ...(isStreamed(format)
          ? [
              eventsIn(renderDenial({ code: 'tool_not_permitted', ...sentence }, client)),
              waitingFor(format, client),
              patienceMs === null ? 'with the upstream' : `within ${patienceMs / 1_000} s`,
            ]
          : ['', '', '']),
        spans(400, 599, (status) => format.absorbs(status, client)),
      ];
    }),
  );

const toldSection = (table: Table): string => `## What each client is told

A denial, a wait and a provider's trouble have the form that makes this client show our sentence once and not ask again. \`client\` is what the
config says of the agent. The statuses are those of a denied tool, a rate and an overload; the events are those of a stream that has not begun.
Statuses in the last column are repeated inside the envelope where that may help, and become a failure of ours; all others pass as they came.

${table(['format', 'client', 'denied', 'rate', 'overload', 'in the stream', 'kept waiting by', 'begins', 'kept back'], toldRows())}

What keeps a client waiting does so only as long as the client lets it: Codex and Gemini CLI wait on while such events come. Claude Code gives up
after 300 s all the same, unless both \`API_TIMEOUT_MS\` and \`CLAUDE_STREAM_IDLE_TIMEOUT_MS\` are set higher. A comment is never sent: it breaks Gemini CLI.
`;

/** What a request carries that the provider would run or fetch, and a request with it. */
const hostedSamples: readonly { readonly format: string; readonly what: string; readonly more: object }[] = [
  { format: 'anthropic-messages', what: 'web search', more: { tools: [{ type: 'web_search_20260318', name: 'web_search' }] } },
  { format: 'anthropic-messages', what: 'web fetch', more: { tools: [{ type: 'web_fetch_20260318', name: 'web_fetch' }] } },
  { format: 'anthropic-messages', what: 'code execution', more: { tools: [{ type: 'code_execution_20260521', name: 'code_execution' }] } },
  { format: 'anthropic-messages', what: 'an MCP server called NAME', more: { mcp_servers: [{ type: 'url', name: 'NAME' }] } },
  {
    format: 'anthropic-messages',
    what: 'an image or a document at an address',
    more: { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'https://example.com/x' } }] }] },
  },
  { format: 'openai-chat', what: 'web search', more: { web_search_options: {} } },
  {
    format: 'openai-chat',
    what: 'an image, a film or a sound at an address',
    more: { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/x' } }] }] },
  },
  ...['web_search', 'file_search', 'code_interpreter', 'image_generation', 'tool_search', 'programmatic_tool_calling'].map((type) => ({
    format: 'openai-responses',
    what: type.replaceAll('_', ' '),
    more: { tools: [{ type }] },
  })),
  {
    format: 'openai-responses',
    what: 'a shell in a container',
    more: { tools: [{ type: 'shell', environment: { type: 'container_auto' } }] },
  },
  {
    format: 'openai-responses',
    what: 'an MCP server or a connector called NAME',
    more: { tools: [{ type: 'mcp', server_label: 'NAME', connector_id: 'connector_gmail' }] },
  },
  {
    format: 'openai-responses',
    what: 'an image or a file at an address',
    more: { input: [{ role: 'user', content: [{ type: 'input_file', file_url: 'https://example.com/x' }] }] },
  },
  { format: 'openai-responses', what: 'a prompt that the provider keeps, with tools of its own', more: { prompt: { id: 'x' } } },
  ...['googleSearch', 'urlContext', 'codeExecution', 'googleMaps', 'fileSearch'].map((name) => ({
    format: 'gemini',
    what: name.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`),
    more: { tools: [{ [name]: {} }] },
  })),
  { format: 'gemini', what: 'content that the provider keeps, with tools of its own', more: { cachedContent: 'cachedContents/x' } },
  { format: 'gemini', what: 'an MCP server called NAME', more: { tools: [{ mcpServers: [{ name: 'NAME' }] }] } },
  {
    format: 'gemini',
    what: 'a file at an address',
    more: { contents: [{ parts: [{ fileData: { fileUri: 'https://example.com/x' } }] }] },
  },
];

const namesOffered = (formatName: string, more: object): string => {
  const format = formats.find(({ name }) => name === formatName);
  const found = casesOf(formatName).find(({ expected: { request } }) => !request.streaming && request.tools_offered.length > 0);
  if (format === undefined || found === undefined) throw new Error(`there is no ${formatName}`);
  const { operation, path, model } = found.expected.request;
  const body = Buffer.from(JSON.stringify({ model, max_tokens: 1, messages: [], input: 'x', contents: [], ...more }));
  const reading = format.read({ operation, path, query: '', body });
  if ('malformed' in reading) throw new Error(`${formatName}: ${reading.malformed}`);
  return reading.toolsOffered.map(({ name }) => `\`${name}\``).join(' and ');
};

const hostedSection = (table: Table): string => `## What a provider runs or fetches by itself

It cannot be held back later, so it is judged with the request that offers it: the role must have all of these names under \`allowed_tools\`, or the
request is denied, naming the one that is missing. A name that the caller writes never suffices alone. Whatever is not listed goes by its type.

${table(
  ['format', 'what a request carries', 'names'],
  hostedSamples.map(({ format, what, more }) => [format, what, namesOffered(format, more)]),
)}
`;

/** A cell that is empty for a reason, and the reasons below the table, each once a format. */
const withReasons = (
  names: readonly string[],
  cellOf: (format: (typeof positions)[number], name: string) => { readonly ways: string; readonly reasons: readonly string[] },
  table: Table,
): string => {
  const rows = names.map((name) => [name, ...positions.map((format) => cellOf(format, name).ways || '—')]);
  const reasons = positions.flatMap((format) => {
    const own = new Map<string, string[]>();
    for (const name of names)
      for (const reason of new Set(cellOf(format, name).reasons)) own.set(reason, [...(own.get(reason) ?? []), name]);
    return [...own].map(([reason, of]) => `- \`${format.format}\`, ${of.length === names.length ? 'all' : of.join('; ')}: ${reason}`);
  });
  return `${table(['position', ...positions.map(({ format }) => `\`${format}\``)], rows)}\n\n${reasons.join('\n')}`;
};

const positionsSection = (table: Table): string => `## Where words are found

Each string of these positions is read with its path, its place in the bytes and whose words it is; in a stream, also which text it continues.
Tests read a sample of each cell. Strings under names that nobody knows are read too; identifiers, signatures, encrypted content and media are not.

In requests:

${withReasons(
  requestPositions,
  (format, name) => {
    const cell = format.requests[name as (typeof requestPositions)[number]];
    return typeof cell === 'string' ? { ways: '', reasons: [cell] } : { ways: 'read', reasons: [] };
  },
  table,
)}

In answers:

${withReasons(
  answerPositions,
  (format, name) => {
    const { whole, stream } = format.answers[name as (typeof answerPositions)[number]];
    const ways = [...(typeof whole === 'string' ? [] : ['whole']), ...(typeof stream === 'string' ? [] : ['streamed'])];
    return { ways: ways.join(', '), reasons: [whole, stream].filter((cell) => typeof cell === 'string') };
  },
  table,
)}
`;

export const formatsPage = (generated: string, table: Table): string => `# Wire formats

${generated}

What is carried, as far as tests prove it. Each cell stands for a run of the vendor's own client against a scripted provider, once directly and
once through the envelope: what the application sees, what the provider receives, and every byte of the answer are the same. An empty cell is not
a refusal: nobody has run it. A list of models is answered by the envelope itself, with those that the role may call, so nothing is compared there:
the client reads it. Where a client leaves early (cancel, time-out), what was released by then is a matter of time: there the provider's end of the
call is looked at in the place of bytes. The columns with a version are CLI agents, run for real behind an envelope (\`npm run test:agents\`): what they
send is read whole, what they print is the scripted answer, and a hosted tool is one that the role may not use. Beside these, the conformance cases (\`test/conformance/README.md\` of a checkout) hold the readers to each vendor's bytes.

${formats.map(({ name, prefix }) => formatSection(name, prefix, table)).join('\n')}
${toldSection(table)}
${positionsSection(table)}
${hostedSection(table)}
## Not carried

Refused by name, with this reason; so is every other path of a vendor. WebSocket connections are answered 426, so that clients use HTTP.

${table(
  ['under', 'path', 'what', 'why'],
  notCarriedTable.map(({ prefix, path, what, why }) => [`\`${prefix}\``, `\`${path}\``, what, why]),
)}
`;
