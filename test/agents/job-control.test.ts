import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startUpstream } from '../envelope/running.ts';
import type { Command } from './bounded-command.ts';
import { laidByHand } from './by-hand.ts';
import { clis } from './clis.ts';
import { timesIn } from './crossings.ts';
import { dialects, runCommand, runsLeftOf, startStage } from './governed-run.ts';
import { attempts } from './isolation.ts';
import type { Person } from './person.ts';
import { createPerson } from './person.ts';
import type { Terminal } from './terminal.ts';
import { openTerminal } from './terminal.ts';
import { playing } from './turns.ts';

// What a terminal sends goes to the agent and to us at once: passed on as well, it would come twice, and an agent would draw itself twice.

const agent = `process.on('SIGCONT', () => console.log('continued')); console.log('ready'); setInterval(() => undefined, 1_000);`;

const runner = `
  import { startAgent } from ${JSON.stringify(fileURLToPath(new URL('../../src/runner/agent-process.ts', import.meta.url)))};
  const { exited, release } = startAgent({
    executable: process.execPath, args: ['-e', ${JSON.stringify(agent)}], cwd: '/', env: {}, stdio: 'inherit', stopMs: 1_000,
    onResume: () => console.log('resumed'),
  });
  console.log('ended', JSON.stringify(await exited));
  release();`;

test('a runner that is suspended and brought back resumes its agent once; an interrupt ends it once', { timeout: 60_000 }, async () => {
  const env = { PATH: process.env['PATH'] ?? '' };
  const { until, type, press, close } = openTerminal({ argv: [process.execPath, '--input-type=module', '-e', runner], cwd: '/', env });
  try {
    await until(/^\$$/);
    type('agent');
    press('Enter');
    await until(/ready/);
    for (const times of [1, 2]) {
      press('C-z');
      await until(new RegExp(`(?:Stopped[^]*){${times}}\\$$`));
      type('fg');
      press('Enter');
      const shown = await until(new RegExp(`(?:^resumed[^]*){${times}}`, 'm'));
      assert.equal(timesIn(shown, 'continued'), times, shown);
    }
    press('C-c');
    assert.match(await until(/ended/), /ended {"exitCode":null,"signal":"SIGINT"}/);
  } finally {
    close();
  }
});

// Gemini CLI takes ^Z itself: it warns, and at the second one restores the terminal and stops its whole process group. What the shell and the person see
// of that, of the background, of coming back and of signals is written down here, and the same without us, under `run` and in a jail.

const gemini = clis['gemini-cli'];
const model = 'gemini-3.8-flash';
const ready = /Type your message/;

const startAgent = async ({ until, type, press }: Terminal): Promise<void> => {
  type('clear; agent');
  press('Enter');
  await until(ready);
};

const suspend = async ({ until, press }: Terminal): Promise<void> => {
  press('C-z');
  await until(/Press Ctrl\+Z again to suspend/);
  press('C-z');
  await until(/\[1\] \+ Stopped +agent/);
};

/** What a shell says to a command line. */
const saidTo = async ({ until, type, press }: Terminal, command: string, said: RegExp): Promise<string> => {
  type(`clear; ${command}`);
  press('Enter');
  return until(said);
};

const controlJobs = async (terminal: Terminal): Promise<void> => {
  const { until, type, press } = terminal;
  await until(/^\$$/);
  await startAgent(terminal);
  await suspend(terminal);
  // In the background it may not draw, and so stops again.
  await saidTo(terminal, 'bg', /agent\n\$$/);
  await saidTo(terminal, 'jobs', /\[1\] \+ Stopped \(tty output\) +agent/);
  await saidTo(terminal, 'fg', ready);
  type('first words');
  await until(/> +first words/);
  press('Enter');
  // From now on a ^Z would take words back first, also without us.
  await until(/the first answer/);
  press('C-c');
  await until(/Press Ctrl\+C again to exit/);
  press('C-c');
  await until(/powering down[^]*\$$/);
  await saidTo(terminal, 'echo "ended with $?"', /ended with 0\n/);
  await startAgent(terminal);
  await suspend(terminal);
  await saidTo(terminal, 'kill -TERM %1; fg; echo "ended with $?"', /ended with 0\n/);
  await saidTo(terminal, 'jobs; echo "that is all"', /^that is all\n/);
};

const byHand = (person: Person, origin: string) => {
  const { command, close } = laidByHand(gemini, person, ['-m', model], { origin, credential: 'a-credential-of-nobody' });
  return { command, close: async () => close() };
};

const ways = {
  'without us': async (person: Person, url: string) => byHand(person, url),
  'under `run`': async (person: Person, url: string) => underRun(person, url, {}),
  'in a jail': async (person: Person, url: string) => underRun(person, url, { jailed: { hosts: [] } }),
} satisfies Record<string, (person: Person, url: string) => Promise<{ readonly command: Pick<Command, 'argv' | 'cwd' | 'env'> }>>;

const underRun = async (person: Person, url: string, rules: { readonly jailed?: { readonly hosts: readonly string[] } }) => {
  const stage = await startStage(gemini, { models: [model], ...rules }, url);
  const close = async (): Promise<void> => {
    await stage.close();
    stage.running.remove();
  };
  return { command: { argv: runCommand(stage, ['-m', model]), cwd: person.workspace, env: person.env }, close };
};

for (const [way, lay] of Object.entries(ways))
  test(`gemini-cli ${way} stops at ^Z, stays stopped in the background, comes back, and hears signals`, { timeout: 180_000 }, async () => {
    const person = await createPerson(gemini);
    const upstream = await startUpstream(playing(dialects[gemini.format], () => ({ say: 'the first answer' })));
    const laid = await lay(person, upstream.url);
    const terminal = openTerminal(laid.command);
    try {
      await controlJobs(terminal);
      assert.deepEqual([way === 'without us' ? [] : runsLeftOf(person), attempts()], [[], []]);
    } finally {
      terminal.close();
      await laid.close();
      await upstream.close();
      person.remove();
    }
  });
