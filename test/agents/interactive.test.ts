import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { adapterOf } from '../../src/runner/agents/adapters.ts';
import { startUpstream } from '../envelope/running.ts';
import type { Command } from './bounded-command.ts';
import { laidByHand } from './by-hand.ts';
import type { Cli, CliName } from './clis.ts';
import { clis } from './clis.ts';
import { crossingsIn } from './crossings.ts';
import { dialects, recordsOf, runCommand, runsLeftOf, startStage } from './governed-run.ts';
import { attempts } from './isolation.ts';
import type { Person } from './person.ts';
import { createPerson } from './person.ts';
import type { Meet, Terminal } from './terminal.ts';
import { meeting, openTerminal } from './terminal.ts';
import type { Request, ScriptedCall, Turn } from './turns.ts';
import { memberOf, playing } from './turns.ts';
import { maskedScreen } from './volatile.ts';

// A person who works with the agent in a terminal: what the screen shows under `run` is what it shows without us, moment by moment; our denial is
// shown once; the keyboard's signals, the window's size and job control are the agent's; and nothing of it is left when it has ended.

const timeout = 180_000;

interface Ways {
  readonly model: string;
  readonly argv: readonly string[];
  /** What its screen shows when it waits for a prompt, and what is to be pressed before that. */
  readonly ready: RegExp;
  readonly asked?: RegExp;
  /** When it asks whether a command may run. */
  readonly permission: RegExp;
  /** More arguments of its shell tool, that make it ask. */
  readonly asking?: Readonly<Record<string, string>>;
  /** Its own tool that the role may not use. */
  readonly refused: ScriptedCall;
  /** Whether it can be suspended and brought back; one of them does not always draw itself anew, and takes back what was typed. */
  readonly suspends: boolean;
}

const ways: Readonly<Record<CliName, Ways>> = {
  'claude-code': {
    model: 'claude-opus-4-8',
    argv: ['--model', 'claude-opus-4-8'],
    ready: /\? for shortcuts/,
    permission: /Do you want to proceed/,
    refused: { call: 'Write', input: { file_path: 'x.txt', content: 'x' } },
    suspends: true,
  },
  codex: {
    model: 'corp-model',
    argv: ['-m', 'corp-model'],
    asked: /Open restricted/,
    ready: /Ask Codex to do anything/,
    permission: /Would you like to run the following command/,
    asking: { sandbox_permissions: 'require_escalated', justification: 'what a test wants' },
    refused: { call: 'apply_patch', input: { input: 'x' } },
    suspends: true,
  },
  'gemini-cli': {
    model: 'gemini-3.8-flash',
    argv: ['-m', 'gemini-3.8-flash'],
    ready: /Type your message/,
    permission: /Allow execution of/,
    refused: { call: 'write_file', input: { file_path: 'x.txt', content: 'x' } },
    suspends: false,
  },
};

/** What the model says follows from what the person last said, since agents also ask it for titles of a conversation. */
const scripted =
  (cli: Cli) =>
  ({ body }: Request): Turn => {
    const { asking, refused } = ways[cli.name];
    const text = JSON.stringify(body);
    const isAside =
      memberOf(memberOf(body, 'text'), 'format') !== undefined || memberOf(memberOf(body, 'output_config'), 'format') !== undefined;
    if (isAside) return { say: '{"title":"a title"}' };
    if (text.includes('third words')) return { say: 'looking further', calls: [refused] };
    if (!text.includes('second words')) return { say: 'the first answer' };
    if (text.includes('found it')) return { say: 'the second answer' };
    const { tool, input } = adapterOf(cli.name)?.expects.shell("touch made.txt && printf 'fou%s it' nd") ?? assert.fail();
    return { say: 'looking', calls: [{ call: tool, input: { ...input, ...asking } }] };
  };

type Moments = Readonly<Record<string, string>>;

const say = async ({ type, press, until }: Terminal, words: string, shown: RegExp): Promise<string> => {
  type(words);
  // A prompt that is pasted with its end is taken for text.
  await until(new RegExp(words));
  press('Enter');
  return until(shown);
};

/** Everything that does not need us. */
const workThrough = async (terminal: Terminal, { ready, asked, permission, suspends }: Ways, meet: Meet): Promise<Moments> => {
  const { until, type, press, resize } = terminal;
  await until(/^\$$/);
  type('agent');
  press('Enter');
  const moments: Record<string, string> = {};
  if (asked !== undefined) {
    moments['asked'] = await meet(terminal, asked);
    press('Enter');
  }
  moments['start'] = await meet(terminal, ready);
  await say(terminal, 'first words', /the first answer/);
  moments['answered'] = await meet(terminal, /the first answer/);
  await say(terminal, 'second words', permission);
  moments['permission'] = await meet(terminal, permission);
  press('Enter');
  moments['result'] = await meet(terminal, /the second answer/);
  resize(80, 30);
  moments['resized'] = await meet(terminal, /the second answer[^]*(?:─|\/tmp)/);
  if (!suspends) return moments;
  press('C-z');
  await until(/Stopped/);
  type('fg');
  press('Enter');
  // How it is drawn anew depends on what the shell wrote meanwhile, so that is no moment to compare.
  await until(new RegExp(`^(?:(?![^]*Stopped)|[^]*\\nagent\\n)[^]*${ready.source}`));
  return moments;
};

const leave = async ({ press, until }: Terminal): Promise<string> => {
  press('C-c');
  press('C-c');
  return until(/\$$/);
};

const mentions = (path: string, text: string): boolean => {
  try {
    return readFileSync(path, 'latin1').includes(text);
  } catch {
    // It has ended, or is not ours.
    return false;
  }
};

/** Processes that still run with something of this person, but for the terminal itself. */
const leftRunning = ({ home }: Person): readonly string[] =>
  readdirSync('/proc')
    .filter((id) => /^\d+$/.test(id) && Number(id) !== process.pid)
    .filter((id) => mentions(`/proc/${id}/cmdline`, home) || mentions(`/proc/${id}/environ`, home))
    .map((id) => readFileSync(`/proc/${id}/cmdline`, 'latin1').replaceAll('\0', ' ').trim())
    .filter((line) => !/^(?:tmux|\/bin\/sh -i)/.test(line));

const inTerminal = async <T>(command: Pick<Command, 'argv' | 'cwd' | 'env'>, act: (terminal: Terminal) => Promise<T>): Promise<T> => {
  const terminal = openTerminal(command);
  try {
    return await act(terminal);
  } finally {
    terminal.close();
  }
};

const direct = async (cli: Cli, person: Person, meet: Meet): Promise<Moments> => {
  const upstream = await startUpstream(playing(dialects[cli.format], scripted(cli)));
  const { command, close } = laidByHand(cli, person, ways[cli.name].argv, { origin: upstream.url, credential: 'a-credential-of-nobody' });
  try {
    return await inTerminal(command, async (terminal) => {
      const moments = await workThrough(terminal, ways[cli.name], meet);
      await leave(terminal);
      return moments;
    });
  } finally {
    close();
    await upstream.close();
  }
};

const underRun = async (cli: Cli, person: Person, meet: Meet) => {
  const { model, argv } = ways[cli.name];
  const upstream = await startUpstream(playing(dialects[cli.format], scripted(cli)));
  const stage = await startStage(cli, { models: [model], tools: ['builtin/shell'] }, upstream.url);
  try {
    const command = { argv: runCommand(stage, argv), cwd: person.workspace, env: person.env };
    const shown = await inTerminal(command, async (terminal) => {
      const moments = await workThrough(terminal, ways[cli.name], meet);
      const denied = await say(terminal, 'third words', /may not use the tool/);
      return { moments, denied, end: await leave(terminal) };
    });
    await stage.close();
    return { ...shown, records: ['agent', 'model'].flatMap((stream) => recordsOf(stage.running, stream)) };
  } finally {
    await stage.close();
    await upstream.close();
    stage.running.remove();
  }
};

for (const cli of Object.values(clis))
  test(
    `${cli.name} in a terminal shows under \`run\` what it shows without us, a denial once, and leaves nothing running`,
    { timeout },
    async () => {
      const person = await createPerson(cli);
      try {
        const meet = meeting(maskedScreen);
        const [expected, { moments, denied, records }] = await Promise.all([direct(cli, person, meet), underRun(cli, person, meet)]);
        for (const [moment, screen] of Object.entries(expected))
          assert.equal(maskedScreen(moments[moment] ?? ''), maskedScreen(screen), `the screen: ${moment}`);
        const sentence = 'The role worker may not use the tool builtin/edit.';
        assert.equal(denied.replaceAll(/\s+/g, ' ').split(sentence).length - 1, 1, denied);
        const tools = crossingsIn(records.filter(({ tool }) => tool !== undefined && tool !== null));
        assert.deepEqual(
          tools.map(({ of, denial }) => [of, denial]),
          [
            ['builtin/shell', null],
            ['builtin/edit', 'tool_not_permitted'],
          ],
        );
        assert.deepEqual(leftRunning(person), []);
        assert.deepEqual(runsLeftOf(person), []);
        assert.deepEqual(attempts(), []);
      } finally {
        person.remove();
      }
    },
  );
