// Makes request bodies as Claude Code sends them, from a seed: a conversation that grows by one tool call and its result with each turn.
// Shape, order of members and the mix of long and short strings follow what the client sends (three system blocks, 25 tools with schemas,
// a cache mark that moves to the last block); the words are made up here. The same seed always gives the same bytes.

/** Numbers from 0 to below 1; mulberry32, which is enough to make up words. */
export type Chance = () => number;

export const chanceFrom = (seed: number): Chance => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export const pick = <T>(chance: Chance, from: readonly T[]): T => {
  const picked = from[Math.floor(chance() * from.length)];
  if (picked === undefined) throw new RangeError('there is nothing to pick from');
  return picked;
};
export const between = (chance: Chance, least: number, most: number): number => least + Math.floor(chance() * (most - least + 1));
const times = <T>(count: number, make: (index: number) => T): readonly T[] => Array.from({ length: count }, (_, index) => make(index));

const words = (
  'the a of and to in is that for with as file path value result when use this not only tool command text line output each before after agent ' +
  'task user message list name option default search pattern directory repository test change edit read write run return error time number ' +
  'set true false must should never always prefer absolute relative current working content match branch commit module function parameter'
).split(' ');
const marked = ['`cat`', '"fork"', '`src/**/*.ts`', '→', '—', '(optional)', '"HEAD~1"', '`git status`', "don't", '5–10', '`--json`', '…'];
const memberNames = (
  'path pattern command timeout description prompt query url limit offset content mode kind status owner branch message model glob recurring ' +
  'durable isolation subject metadata reason cwd'
).split(' ');
const toolNames = (
  'Agent Bash CronCreate CronDelete CronList DesignReview Edit EnterWorktree ExitWorktree NotebookEdit Read ReportFindings ScheduleWakeup ' +
  'SendMessage Skill TaskCreate TaskGet TaskList TaskOutput TaskStop TaskUpdate WebFetch WebSearch Workflow Write'
).split(' ');

const alphanumeric = 'abcdefghkmnpqrstuvwxyzABCDEFGH0123456789'.split('');

const sentence = (chance: Chance): string => {
  const text = times(between(chance, 6, 18), () => (chance() < 0.04 ? pick(chance, marked) : pick(chance, words))).join(' ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
};

/** Prose of about `length` characters in paragraphs and lists. */
export const prose = (chance: Chance, length: number): string => {
  let text = sentence(chance);
  while (text.length < length) text += `${pick(chance, [' ', ' ', ' ', '\n', '\n- ', '\n\n', '\n\n## Notes\n\n'])}${sentence(chance)}`;
  return text;
};

const identifier = (chance: Chance): string => {
  const second = pick(chance, words);
  return pick(chance, words) + second.charAt(0).toUpperCase() + second.slice(1);
};

/** A line of a program as a tool shows it: numbered, indented, with quotes and escapes of its own. */
const codeLine = (chance: Chance, number: number): string => {
  const [name, other] = [identifier(chance), identifier(chance)];
  const code = pick(chance, [
    `const ${name} = ${other}("${pick(chance, words)}", { ${pick(chance, words)}: ${between(chance, 0, 999)} });`,
    `  if (${name} === null) return "${pick(chance, words)}\\n";`,
    `    ${name}.push(\`\${${other}}/${pick(chance, words)}.ts\`);`,
    `import { ${name}, ${other} } from "./${pick(chance, words)}.ts";`,
    `  // ${sentence(chance)}`,
    '  }',
    '',
  ]);
  return `${String(number).padStart(6)}\t${code}`;
};

export const code = (chance: Chance, length: number): string => {
  let text = codeLine(chance, 1);
  for (let number = 2; text.length < length; number++) text += `\n${codeLine(chance, number)}`;
  return text;
};

const property = (chance: Chance, size: number, nested: boolean): object => {
  const description = prose(chance, between(chance, 20, 40 + size / 800));
  const roll = chance();
  if (roll < 0.5) return { description, type: 'string' };
  if (roll < 0.6) return { description, type: 'boolean', default: false };
  if (roll < 0.7) return { description, type: 'integer', minimum: 0, exclusiveMaximum: between(chance, 1, 600_000) };
  if (roll < 0.82) return { description, type: 'string', enum: times(between(chance, 2, 5), () => pick(chance, words)) };
  if (roll < 0.9 || nested) return { description, type: 'array', items: { type: 'string' } };
  return { description, type: 'array', items: schema(chance, size, between(chance, 2, 4), true) };
};

const schema = (chance: Chance, size: number, count: number, nested: boolean): object => {
  const names = [...new Set(times(count, () => pick(chance, memberNames)))];
  return {
    ...(nested ? {} : { $schema: 'https://json-schema.org/draft/2020-12/schema' }),
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, property(chance, size, nested)])),
    required: names.slice(0, 2),
    additionalProperties: false,
  };
};

const ephemeral = { type: 'ephemeral' } as const;

/** What every turn of one conversation has in common; texts are as long as leaves room for messages. */
const frame = (chance: Chance, size: number): { readonly system: readonly object[]; readonly tools: readonly object[] } => ({
  system: [
    { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.0.abc; cc_entrypoint=sdk-cli;' },
    { type: 'text', text: 'You are an agent that a benchmark made up.', cache_control: ephemeral },
    { type: 'text', text: prose(chance, size * 0.08), cache_control: ephemeral },
  ],
  tools: toolNames.map((name) => ({
    name,
    description: prose(chance, between(chance, size / 320, size / 80)),
    input_schema: schema(chance, size, between(chance, 1, 5), false),
  })),
});

type Block = Readonly<Record<string, unknown>>;
interface Message {
  readonly role: string;
  readonly content: readonly Block[] | string;
}

const opening = (chance: Chance, size: number): readonly Message[] => [
  {
    role: 'user',
    content: [
      { type: 'text', text: `<system-reminder>\n${prose(chance, 300)}\n</system-reminder>\n\n` },
      { type: 'text', text: prose(chance, 200) },
    ],
  },
  { role: 'system', content: prose(chance, size * 0.04) },
];

const signature = (chance: Chance): string => Buffer.from(times(180, () => between(chance, 0, 255))).toString('base64');

/** A call of a tool and what came of it. */
const exchange = (chance: Chance, length: number): readonly Message[] => {
  const id = `toolu_${times(24, () => pick(chance, alphanumeric)).join('')}`;
  const edits = chance() < 0.3;
  const path = `/srv/project/src/${pick(chance, words)}/${pick(chance, words)}.ts`;
  const input = edits
    ? { file_path: path, old_string: code(chance, length / 4), new_string: code(chance, length / 3), replace_all: false }
    : { command: `grep -n "${pick(chance, words)}" ${path} | head -${between(chance, 5, 50)}`, description: sentence(chance) };
  const thinking = chance() < 0.4 ? [{ type: 'thinking', thinking: prose(chance, 250), signature: signature(chance) }] : [];
  const content = edits ? `The file ${path} has been updated.` : code(chance, length);
  return [
    { role: 'assistant', content: [...thinking, { type: 'tool_use', id, name: edits ? 'Edit' : 'Bash', input }] },
    { role: 'user', content: [{ tool_use_id: id, type: 'tool_result', content, is_error: false }] },
  ];
};

/** The cache mark stands on the last block of the conversation, wherever that is. */
const withMark = (messages: readonly Message[]): readonly Message[] =>
  messages.map(({ role, content }, index) =>
    index !== messages.length - 1 || typeof content === 'string'
      ? { role, content }
      : { role, content: content.map((block, at) => (at === content.length - 1 ? { ...block, cache_control: ephemeral } : block)) },
  );

/** Bodies of the turns of one conversation that have about `size` bytes (a tenth more or less), each one exchange longer than the one before. */
export const claudeTurns = (seed: number, size: number): readonly Buffer[] => {
  const chance = chanceFrom(seed);
  const { system, tools } = frame(chance, size);
  const messages = [...opening(chance, size)];
  const sessionId = '00000000-0000-4000-8000-000000000000';
  const render = (): Buffer =>
    Buffer.from(
      JSON.stringify({
        model: 'claude-opus-4-8',
        messages: withMark(messages),
        system,
        tools,
        metadata: { user_id: JSON.stringify({ device_id: '0'.repeat(64), account_uuid: '', session_id: sessionId }) },
        max_tokens: 64_000,
        thinking: { type: 'adaptive' },
        context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
        output_config: { effort: 'high' },
        stream: true,
      }),
    );
  const turns: Buffer[] = [];
  for (let body = render(); body.length < size * 1.1; body = render()) {
    if (body.length > size * 0.9) turns.push(body);
    messages.push(...exchange(chance, between(chance, 400, 1_500)));
  }
  return turns;
};
