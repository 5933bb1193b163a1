import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startUpstream } from '../envelope/running.ts';
import { clis } from './clis.ts';
import { timesIn, wordsOf } from './crossings.ts';
import { dialects, recordsOf, runCommand, startStage } from './governed-run.ts';
import { attempts } from './isolation.ts';
import { createPerson } from './person.ts';
import { openTerminal } from './terminal.ts';
import { playing } from './turns.ts';

// Gemini CLI sums up a conversation at a word of the person, which it takes in a terminal only. The others do so headless, in tests of their own.

const timeout = 180_000;
const model = 'gemini-3.8-flash';
/** By which it sums up, whichever model the person has taken. */
const summing = 'gemini-3-flash-preview';
/** Long, and nowhere the same twice, which it would take for a loop. */
const longAnswer = Array.from({ length: 900 }, (_, index) => `${(index * 7_919) % 10_007} of ${(index * 104_729) % 99_991}`).join(', ');
const summary = '<state_snapshot><overall_goal>greet</overall_goal></state_snapshot>';

/** What stands on the screen after the person asked for it, and the words of each model record. */
const summedUp = async (
  models: readonly string[],
  shown: RegExp,
): Promise<{ readonly screen: string; readonly words: readonly string[] }> => {
  const cli = clis['gemini-cli'];
  const person = await createPerson(cli);
  const script = ({ index }: { readonly index: number }) =>
    index === 0 ? { say: `${longAnswer} the end`, used: 9_000 } : { say: summary };
  const upstream = await startUpstream(playing(dialects[cli.format], script));
  const stage = await startStage(cli, { models }, upstream.url);
  const { until, type, press, close } = openTerminal({ argv: runCommand(stage, ['-m', model]), cwd: person.workspace, env: person.env });
  try {
    await until(/^\$$/);
    type('agent');
    press('Enter');
    await until(/Type your message/);
    for (const [words, answer] of [
      ['first words', /the end/],
      ['/compress', shown],
    ] as const) {
      type(words);
      await until(new RegExp(`> ${words}`));
      press('Enter');
      await until(answer);
    }
    const screen = await until(shown);
    press('C-c');
    press('C-c');
    await until(/\$$/);
    await stage.close();
    assert.deepEqual(attempts(), []);
    return { screen, words: wordsOf(recordsOf(stage.running, 'model')) };
  } finally {
    close();
    await stage.close();
    await upstream.close();
    stage.running.remove();
    person.remove();
  }
};

test('gemini-cli: a conversation that the person has summed up is so by requests like any other', { timeout }, async () => {
  const { words } = await summedUp([model, summing], /compressed from/);
  assert.deepEqual([...new Set(words)], [`${model} ok`, `${summing} ok`]);
});

test(
  'gemini-cli: where the role may not call the model by which it sums up, it says so once and the conversation stays',
  { timeout },
  async () => {
    const { screen, words } = await summedUp([model], /Failed to compress/);
    assert.equal(timesIn(screen.replaceAll(/\s+/g, ' '), `No endpoint here lists the model ${summing}.`), 1, screen);
    assert.deepEqual(words, [`${model} ok`, `${summing} model_not_permitted`]);
  },
);
