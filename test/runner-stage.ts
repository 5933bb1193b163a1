// A runner's surroundings for tests: an envelope that answers as the test says, a workspace, and a run of an agent in it.
// Loopback only; everything is removed when the test ends.

import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { runAgent } from '../src/runner/runner.ts';
import type { RunOrder, RunResult, RunnerSurroundings } from '../src/runner/runner.ts';

export const id = '01900000-0000-7000-8000-000000000000';
export const credential = 'sw-credential-of-a-test-0123456789';

const offer = { local_development: true, audience: 'sealwright', admin_audience: 'sealwright-admin', reprove_minutes: 15, issuers: [] };

/** What the envelope answers an opening with, unless a test says otherwise. */
export const opened = {
  invocation_id: id,
  credential,
  runner_key: 'swr_key-of-the-runner',
  lease_seconds: 30,
  heartbeat_seconds: 0.02,
  doors: { model: 'http://127.0.0.1:7420' },
  settings: { agent: 'sdk', role: 'demo', model_pins: ['simulated-1'], containment: 'advisory' },
};

const sdk = { name: 'sdk', client: 'sdk', roles: ['demo'], version: null, sha256: null, carry: [] };

interface Answers {
  opened?: readonly [status: number, body: object];
  heartbeat?: number;
  leaseSeconds?: number;
  /** Whether heartbeats ask for a proof, and how one is answered. */
  prove?: boolean;
  proved?: number;
  identity?: object;
  agents?: readonly object[];
  closed?: readonly [status: number, body: object];
  /** What the envelope knows of any program. */
  digest?: string;
}

export interface Stage {
  readonly folder: string;
  readonly workspace: string;
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the fake envelope was sent: `[path, body]`. */
  readonly seen: [path: string, body: string][];
  readonly answers: Answers;
  readonly heartbeats: () => number;
  /** Writes an executable `sh` script into the workspace and returns its path. */
  readonly agent: (script: string) => string;
}

export const stage = async (t: TestContext): Promise<Stage> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sw-')));
  const workspace = join(folder, 'work');
  for (const name of ['work', 'home']) mkdirSync(join(folder, name));
  const socket = join(folder, 'c.sock');
  const seen: [string, string][] = [];
  const answers: Answers = {};
  const server = createServer((sent, answer) => {
    const chunks: Buffer[] = [];
    sent.on('data', (chunk: Buffer) => chunks.push(chunk));
    sent.on('end', () => {
      const path = sent.url ?? '';
      if (path !== '/identity' && path !== '/agents') seen.push([path, Buffer.concat(chunks).toString()]);
      if (path === '/agents') return answer.end(JSON.stringify({ agents: answers.agents ?? [sdk] }));
      if (path === '/digests/find') return answer.end(JSON.stringify({ sha256: answers.digest ?? null }));
      if (path === '/identity') return answer.end(JSON.stringify({ ...offer, ...answers.identity }));
      if (path.endsWith('/prove'))
        return answer.writeHead(answers.proved ?? 204).end(JSON.stringify({ error: { code: 'x', message: 'Not you.' } }));
      if (path.endsWith('/heartbeat'))
        return answer.writeHead(answers.heartbeat ?? 200).end(JSON.stringify({ prove: answers.prove ?? false }));
      const [status, body] = path.endsWith('/close')
        ? (answers.closed ?? [200, { crossings: 2, denials: 1, denied_as_text: 0, record: 'r-1' }])
        : (answers.opened ?? [201, { ...opened, lease_seconds: answers.leaseSeconds ?? opened.lease_seconds }]);
      return answer.writeHead(status).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  chmodSync(socket, 0o600);
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    workspace,
    socket,
    env: { PATH: '/usr/bin:/bin', HOME: join(folder, 'home'), GITHUB_TOKEN: 'secret' },
    seen,
    answers,
    heartbeats: () => seen.filter(([path]) => path.endsWith('/heartbeat')).length,
    agent: (script) => {
      const path = join(workspace, 'agent');
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
      return path;
    },
  };
};

interface Run extends RunResult {
  readonly announced: readonly string[];
  readonly warned: readonly string[];
}

export const run = async (
  { workspace, socket, env }: Stage,
  argv: RunOrder['argv'],
  change: Partial<RunnerSurroundings> = {},
  agent: string | null = 'sdk',
): Promise<Run> => {
  const announced: string[] = [];
  const warned: string[] = [];
  const result = await runAgent(
    { argv, agent, role: null, task: 'sort', containment: 'advisory', control: socket },
    {
      env,
      cwd: workspace,
      uid: process.getuid?.() ?? 0,
      stdio: 'ignore',
      wallMs: Date.now,
      monotonicMs: () => performance.now(),
      announce: (sentence) => announced.push(sentence),
      warn: (sentence) => warned.push(sentence),
      progress: () => undefined,
      credential: () => async () => ({ credential: 'a-token' }),
      ...change,
    },
  );
  return { ...result, announced, warned };
};
