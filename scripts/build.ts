// `npm run build`: what is published, into `dist/`; `npm run build -- DIR` into another folder. JavaScript and its types, file by file, and `run` once more
// as one file beside its rarer parts, because opening and linking its sixty files one by one takes as long as starting Node.
// Only code of this project is bundled: every package stays an import. Ends with 1 where that does not hold, or where the code does not compile.

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown, type Plugin } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const destination = resolve(root, process.argv[2] ?? 'dist');
const main = `${root}src/main.ts`;

/**
 * A promise at the top of a file has no counterpart in CommonJS; one that never settles ends like there, with 13. Nothing is left to do then, and to give
 * back the whole heap takes Node as long as the exchange that ended the run.
 */
const entry = `import ${JSON.stringify(`${root}src/cli/run.ts`)};
import { main } from ${JSON.stringify(main)};
process.once('beforeExit', () => { process.exitCode ??= 13; });
void main().then(() => process.exit());
`;

const fail = (problem: string): never => {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
};

/** Commands other than `run`, and what is built for them, stay where they are: `bin/sealwright` starts them from there. */
const onlyRun: Plugin = {
  name: 'only-run',
  resolveId: {
    handler: (id, importer, { kind }) => {
      if (id === 'sealwright-run') return id;
      const isOther = importer === main && kind === 'dynamic-import' && id !== './cli/run.ts';
      return isOther ? { id: id.replace(/\.ts$/, '.js'), external: true } : null;
    },
  },
  load: (id) => (id === 'sealwright-run' ? entry : null),
};

const { status, stdout } = spawnSync(`${root}node_modules/.bin/tsc`, ['-p', `${root}tsconfig.build.json`, '--outDir', destination], {
  encoding: 'utf8',
});
if (status !== 0) fail(`it does not compile: ${stdout}`);

// CommonJS, because an import of a module of Node's own reads each of its members, and some of them load others.
const bundle = await rolldown({
  input: { run: 'sealwright-run' },
  platform: 'node',
  external: /^[^./]/,
  // Meant: `run` itself is part of what is started, where a checkout loads it when it is asked for.
  checks: { ineffectiveDynamicImport: false },
  transform: { define: { 'import.meta.main': 'false' } },
  plugins: [onlyRun],
});
const { output } = await bundle.write({
  dir: destination,
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: 'run/[name].cjs',
});
const foreign = output
  .flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  .filter((id) => !id.startsWith(`${root}src/`) && id !== 'sealwright-run' && !id.startsWith('\0rolldown/'));
if (foreign.length > 0) fail(`not of this project: ${foreign.join(', ')}`);
