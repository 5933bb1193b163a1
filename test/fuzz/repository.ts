// A repository with nothing in it, whose files targets write.
// Contract: a folder of its own for each call, which goes with the process.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const emptyRepository = (name: string): string => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), `fuzz-${name}-`)));
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  for (const folder of ['objects/pack', 'refs/heads']) mkdirSync(join(root, '.git', folder), { recursive: true });
  writeFileSync(join(root, '.git/HEAD'), 'ref: refs/heads/main\n');
  return root;
};
