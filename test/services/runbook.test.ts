// The runbook of docs/operate.md as a drill: its blocks are taken from the page and run, in their order, against a real envelope under load,
// installed from packages of the last commit and of this one. systemd and npm are stood in for; everything else is what it is.
// Needs a history of two commits, git, tar and curl.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { configText, type OpenedRun, recordsUnder, startUpstream, type Upstream } from '../envelope/running.ts';
import { root } from '../project-files.ts';
import { installPackage } from './installed-package.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-drill-'));
const at = (name: string): string => join(scratch, name);
const places = {
  DATA: at('data'),
  CONFIG: at('config'),
  BACKUP: at('backup/ledger.tar'),
  KEYS: at('backup-keys/private.tar'),
  KNOWN: at('known'),
  PREFIX: at('prefix'),
  CONTROL: at('control.sock'),
  PREVIOUS: at('previous'),
  PACKAGE: at('present'),
  OWNER: `${process.getuid?.()}:${process.getgid?.()}`,
  STAND: at('stand'),
};
const environment: NodeJS.ProcessEnv = {
  ...process.env,
  ...places,
  SCRIPTED_SECRET: 'secret',
  HOME: at('home'),
  PATH: [join(import.meta.dirname, 'runbook'), join(places.PREFIX, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
};

/** The blocks of the page, by name. */
const blocks = new Map(
  [...readFileSync(`${root}docs/operate.md`, 'utf8').matchAll(/^```sh runbook (\w+)\n([^]*?)^```$/gm)].map(([, name = '', text = '']) => [
    name,
    text,
  ]),
);

/** What the service said last, without which nobody knows why it did not come up. */
const lastWords = (): string => {
  try {
    return readFileSync(join(places.STAND, 'err'), 'utf8').slice(-4_000);
  } catch {
    return '';
  }
};

const shell = (script: string): Promise<string> =>
  new Promise((resolve, reject) => {
    // What a block starts in the background keeps what it was given; its output must not keep us waiting.
    const child = spawn('sh', ['-c', script], { env: environment, cwd: scratch, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(said) : reject(new Error(`${script}\nended with ${code}:\n${said}\nThe envelope said last:\n${lastWords()}`)),
    );
  });

const run = async (name: string): Promise<string> => {
  const block = blocks.get(name);
  assert.ok(block !== undefined, `the page has no block ${name}`);
  return shell(block);
};

const asked = (method: string, path: string, body?: object): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const sent = request(
      { socketPath: places.CONTROL, method, path, headers: { 'content-type': 'application/json' }, agent: false },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => {
          if ((answer.statusCode ?? 500) < 300) resolve(JSON.parse(text));
          else reject(new Error(text));
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });

interface Standing {
  readonly version: string;
  readonly release: string;
  readonly doors: { readonly model: string };
}

const standing = async (): Promise<Standing> => (await asked('GET', '/status')) as Standing;

/** One call of an agent as the envelope of the moment lets it; the status of the answer. */
const call = async (): Promise<number> => {
  const { doors } = await standing();
  const { credential } = (await asked('POST', '/invocations', { agent: 'sdk', role: 'demo', facts: {} })) as OpenedRun;
  const response = await fetch(`${doors.model}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': credential, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ model: 'pinned-1', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }),
  });
  await response.text();
  return response.status;
};

/** Calls all the time, also while there is nobody to answer. */
const underLoad = (t: TestContext) => {
  const load = { answered: 0, on: true };
  const one = async (): Promise<void> => {
    while (load.on) {
      const status = await call().catch(() => 0);
      if (status === 200) load.answered += 1;
      else await pause(20);
    }
  };
  const all = Promise.all(Array.from({ length: 4 }, one));
  const stop = async (): Promise<void> => {
    load.on = false;
    await all;
  };
  t.after(stop);
  return {
    stop,
    goesOn: async (): Promise<void> => {
      const before = load.answered;
      while (load.answered < before + 20) await pause(20);
    },
  };
};

/** The last commit as it would have been packed, with a version of its own. */
const layPrevious = (): string => {
  const folder = at('checkout');
  mkdirSync(folder);
  const archive = execFileSync('git', ['-C', root, 'archive', 'HEAD~1'], { maxBuffer: 256 * 1024 * 1024 });
  execFileSync('tar', ['-xC', folder], { input: archive });
  symlinkSync(`${root}node_modules`, join(folder, 'node_modules'));
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version: '0.0.1' }));
  return folder;
};

/** As the page says: a copy that does not verify is made again, once. */
const backUp = async (standing: RegExp): Promise<void> => {
  await run('backup');
  const checked = await run('check').catch(() => run('backup').then(() => run('check')));
  assert.match(checked, standing);
};

const filesOf = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [`${parentPath}/${name}`, readFileSync(join(parentPath, name), 'base64')]),
  );

let upstream: Upstream;
before(async () => {
  for (const name of ['config', 'backup', 'backup-keys', 'stand', 'home', 'prefix']) mkdirSync(at(name), { mode: 0o700 });
  const answer = JSON.stringify({
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'pinned-1',
    content: [],
    stop_reason: 'end_turn',
    usage: {},
  });
  upstream = await startUpstream((_message, _body, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(answer);
  });
  writeFileSync(join(places.CONFIG, 'sealwright.yaml'), configText(places.DATA, upstream.url), { mode: 0o600 });
  installPackage(places.PREVIOUS, 'linked', layPrevious());
  installPackage(places.PACKAGE, 'linked');
});
after(async () => {
  await shell('systemctl stop').catch(() => undefined);
  await upstream.close();
  rmSync(scratch, { recursive: true, force: true });
});

test('G-OPERATE-6: backup under load, upgrade, going back, and restore after the disk was lost, as the runbook says', async (t) => {
  assert.deepEqual([...blocks.keys()], ['backup', 'check', 'restore', 'upgrade', 'rollback']);
  await shell('set -eu; npm install --global --prefix "$PREFIX" "$PREVIOUS"; systemctl start');
  const load = underLoad(t);
  await load.goesOn();
  const old = await standing();
  assert.equal(old.version, '0.0.1');

  await backUp(/consistent, unanchored/);
  await load.goesOn();

  await run('upgrade');
  await load.goesOn();
  const upgraded = await standing();
  assert.notEqual(upgraded.version, old.version);
  assert.notEqual(upgraded.release, old.release);

  await run('rollback');
  await load.goesOn();
  assert.deepEqual([(await standing()).version, (await standing()).release], [old.version, old.release]);

  await run('upgrade');
  await load.goesOn();
  await backUp(/verified with the given key, continues the given checkpoint/);
  await load.goesOn();
  await shell('set -eu; kill -KILL "$(cat "$STAND/pid")"; rm "$STAND/pid"; rm -r "$DATA"');
  assert.match(await run('restore'), /verified with the given key/);
  await load.goesOn();
  assert.equal((await standing()).release, upgraded.release);

  await load.stop();
  await shell('systemctl stop');
  const verified = await shell(
    'set --; for known in "$KNOWN"/checkpoints/*; do set -- "$@" --since "$known"; done; sealwright audit verify --data "$DATA" --key "$(cat "$KNOWN/key.vkey")" "$@"',
  );
  assert.match(verified, /verified with the given key/);
  const records = recordsUnder(places.DATA, 'control');
  const releases = records.flatMap(({ change, release }) =>
    (change as { readonly what?: string } | undefined)?.what === 'release_activated' ? [release] : [],
  );
  assert.deepEqual([...new Set(releases)], [old.release, upgraded.release]);
});

test('G-OPERATE-6: a backup that fails leaves the last one, and one of an older or of another ledger leaves what is known', async () => {
  const [good, known] = [filesOf(dirname(places.BACKUP)), filesOf(places.KNOWN)];
  const keys = filesOf(dirname(places.KEYS));
  await assert.rejects(shell(`ulimit -f 100; ${blocks.get('backup')}`), /ended with [12]/);
  for (const [path, content] of [...good, ...keys]) assert.equal(readFileSync(path, 'base64'), content, path);

  for (const other of ['older', 'another']) {
    // The ledger as it was: without its last records, or one that was begun anew.
    if (other === 'another') rmSync(places.DATA, { recursive: true });
    else await shell('set -eu; cp -a "$DATA" "$DATA.older"; systemctl start');
    await shell(
      'set -eu; [ -e "$STAND/pid" ] || systemctl start; timeout 60 sh -c "until curl -fsS --unix-socket \\"$CONTROL\\" http://localhost/readyz; do sleep 1; done"',
    );
    for (let count = 0; count < 3; count += 1) assert.equal(await call(), 200);
    if (other === 'older') {
      await shell('set -eu; systemctl stop');
      await run('backup');
      await run('check');
    }
    const latest = filesOf(places.KNOWN);
    if (other === 'older') {
      assert.notDeepEqual(latest, known);
      await shell('set -eu; rm -r "$DATA"; mv "$DATA.older" "$DATA"');
    } else await shell('set -eu; systemctl stop');
    await run('backup');
    await assert.rejects(run('check'), /ended with 1/);
    assert.deepEqual(filesOf(places.KNOWN), latest);
  }
});
