import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { timesIn } from './crossings.ts';
import { openTerminal } from './terminal.ts';

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
