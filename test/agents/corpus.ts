// What one CLI agent really sent in the runs of a test file: kept in memory, and written to a folder that git ignores, for a person to look at.
// Each run that goes through here is also held to have gone nowhere but to the door.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { upstreamSecret } from '../envelope/running.ts';
import type { Sight } from './blind-spots.ts';
import { linesOf, sightOf } from './blind-spots.ts';
import type { Cli } from './clis.ts';
import type { Asked } from './door-watch.ts';
import type { Governed, Order } from './governed-run.ts';
import { governed } from './governed-run.ts';
import { attempts } from './isolation.ts';

interface Captured {
  /** The run, and which of its requests. */
  readonly name: string;
  readonly sight: Sight;
}

export interface Corpus {
  /** Runs the agent and keeps what it sent. */
  readonly run: (name: string, order: Order) => Promise<Governed>;
  /** Requests with a body; those without have nothing to read. */
  readonly captured: readonly Captured[];
  readonly ran: readonly Governed[];
  /** Lines of the list of what a reader leaves out that nothing needed. */
  readonly superfluous: () => readonly string[];
}

/** A picture of one point. */
export const image = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** How a CLI starts a tool server with one tool, `echo`. */
export const desk = { command: process.execPath, args: [fileURLToPath(new URL('./mcp-desk.ts', import.meta.url))] };

const folder = join(import.meta.dirname, '.captured');

const slug = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 80);

const keep = (cli: Cli, name: string, index: number, { method, path, query, body }: Asked): Captured => {
  const into = join(folder, cli.name, slug(name));
  mkdirSync(into, { recursive: true });
  const head = `${method} ${path}${query}\n\n`;
  writeFileSync(join(into, `${index}.request`), Buffer.concat([Buffer.from(head), body]));
  return { name: `${name}, request ${index}`, sight: sightOf({ method, path, query, body }) };
};

export const createCorpus = (cli: Cli): Corpus => {
  const captured: Captured[] = [];
  const all: Governed[] = [];
  rmSync(join(folder, cli.name), { recursive: true, force: true });
  return {
    captured,
    ran: all,
    run: async (name, order) => {
      const ran = await governed(cli, order);
      all.push(ran);
      for (const [index, asked] of ran.door.entries()) if (asked.body.length > 0) captured.push(keep(cli, name, index, asked));
      assert.deepEqual(attempts(), [], 'something tried to go past the door');
      assert.deepEqual(ran.runsLeft, [], 'a run left its folder');
      return ran;
    },
    superfluous: () => {
      const used = new Set(captured.flatMap(({ sight }) => sight.used));
      return linesOf(cli.format).filter((line) => !used.has(line));
    },
  };
};

/** What no request of a corpus may show: bodies that cannot be read, strings that nobody sees, and kinds of content that are not on the list. */
export const findingsIn = ({ captured }: Corpus, allowed: ReadonlySet<string>): readonly string[] =>
  captured.flatMap(({ name, sight }) => [
    ...(sight.unread === null ? [] : [`${name}: ${sight.unread}`]),
    ...sight.blindSpots.map((place) => `${name}: ${place}`),
    ...sight.notInspected.filter(({ what, why }) => !allowed.has(`${what} ${why}`)).map(({ what, why }) => `${name}: ${what} is ${why}`),
  ]);

/** In whose words a text stands in the requests, each once. */
export const rolesOf = ({ captured }: Corpus, text: string): readonly string[] => [
  ...new Set(
    captured.flatMap(({ sight }) => (sight.reading?.slots ?? []).flatMap((slot) => (slot.text.includes(text) ? [slot.role] : []))),
  ),
];

/** Places where a credential of an invocation, or one of `texts`, turns up where it must not. */
export const leaksIn = ({ ran }: Corpus, texts: readonly string[]): readonly string[] => {
  assert.ok(ran.length > 10, `only ${ran.length} runs`);
  return ran.flatMap(({ credentials, records, upstream }, index) => {
    const leaks = (where: string, written: string, secrets: readonly string[]): readonly string[] =>
      secrets.flatMap((secret) =>
        written.includes(JSON.stringify(secret.trim()).slice(1, -1)) ? [`run ${index}, ${where}: ${secret}`] : [],
      );
    return [
      ...leaks('records', JSON.stringify(records), [...credentials, upstreamSecret, ...texts]),
      ...leaks('upstream', JSON.stringify(upstream.map(({ headers, path, body }) => [headers, path, body.toString()])), credentials),
    ];
  });
};
