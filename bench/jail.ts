// What a jailed start costs: `node bench/jail.ts [--json] [--rounds N]`. `sealwright run --quiet -- node FILE` of the package, in the jail, with an empty
// file, against bubblewrap alone around the same, with the same namespaces, mounts and filter. Whole commands, from their start to their end, in turn; the ratio is
// taken per round. Apart stands the ratio to bubblewrap alone with the variables of a proxy that `run` sets: a Node that is told of one starts more slowly.
// The envelope is a process of its own. Ends with 1 over the target or where bubblewrap is missing.

import { spawn } from 'node:child_process';
import { closeSync, copyFileSync, linkSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { cpus, homedir, loadavg } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { jailVariables } from '../src/runner/jail-environment.ts';
import { bubblewrapArguments } from '../src/runner/jail/bubblewrap.ts';
import { hostRoot, jailPorts } from '../src/runner/jail/jail.ts';
import { missingForJail, systemProgram } from '../src/runner/jail/missing.ts';
import { architectureOf, seccompFilter } from '../src/runner/jail/seccomp.ts';
import { type Ground, openGround } from '../test/jail/jailed.ts';
import { installPackage } from '../test/services/installed-package.ts';
import { quantile, round } from './statistics.ts';

const targetRatio = 3;
const warmUpRounds = 5;

/** A Node as people have one: an installed package brings none, and that of a checkout is part of a package, which a jail would hold as a whole. */
const ownNode = ({ folder }: Ground): string => {
  const node = join(folder, 'node', 'bin', 'node');
  mkdirSync(dirname(node), { recursive: true });
  try {
    linkSync(process.execPath, node);
  } catch {
    copyFileSync(process.execPath, node);
  }
  return node;
};

interface Way {
  readonly argv: readonly string[];
  /** A file that it gets as descriptor 3; a filter is read to its end, so each start opens it anew. */
  readonly filter?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

const tookMs = async ({ argv, filter, variables = {} }: Way, { workspace, env }: Ground, node: string): Promise<number> => {
  const [program = '', ...args] = argv;
  const fds = filter === undefined ? [] : [openSync(filter, 'r')];
  const path = [dirname(node), process.env['PATH'] ?? ''].join(delimiter);
  const startMs = performance.now();
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: workspace,
      env: { ...env, PATH: path, ...variables },
      stdio: ['ignore', 'ignore', 'inherit', ...fds],
    });
    child.on('error', reject);
    child.on('close', resolve);
  });
  const endMs = performance.now();
  for (const fd of fds) closeSync(fd);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}`);
  return endMs - startMs;
};

/** What `run` hands to bubblewrap for such a program, but for files of its own in `/etc`, and without an interest in what bubblewrap reports. */
const bareJail = ({ folder, workspace, home }: Ground, program: readonly [node: string, ...args: string[]]): Way => {
  const architecture = architectureOf(process.arch);
  if (architecture === null) throw new Error(`no filter of system calls is known for ${process.arch}`);
  const [filter, outside, temporary] = [join(folder, 'calls.bpf'), join(folder, 'bare-home'), join(folder, 'bare-tmp')];
  for (const path of [outside, temporary]) mkdirSync(path);
  writeFileSync(filter, seccompFilter(architecture));
  const plan = {
    workspace,
    cwd: workspace,
    writable: [],
    readable: [program[0]],
    hidden: [],
    sockets: [],
    home: { outside, inside: home },
    temporary,
    programFiles: {},
    dataFiles: {},
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    seccompFd: 3,
    statusFd: -1,
  };
  const args = bubblewrapArguments(plan, hostRoot);
  const unwatched = args.toSpliced(args.indexOf('--json-status-fd'), 2);
  return { argv: [systemProgram('bwrap') ?? 'bwrap', ...unwatched, '--', ...program], filter };
};

interface Ratio {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
}

interface Result {
  readonly ratio: Ratio;
  readonly ratioWithProxy: Ratio;
  readonly mediansMs: Readonly<Record<string, number>>;
}

const measure = async (rounds: number): Promise<Result> => {
  // Where projects lie: below `/tmp` the way to one would have to be made anew in each jail.
  const ground = await openGround({ parent: homedir() });
  try {
    const node = ownNode(ground);
    // A file, since what it is run from is hashed and recorded, as an agent's is.
    const script = join(ground.workspace, 'nothing.js');
    writeFileSync(script, '');
    const program = [node, script] as const;
    const run = [installPackage(join(ground.folder, 'installed'), 'linked'), 'run', '--quiet', '--control', ground.control];
    const bwrap = bareJail(ground, program);
    const ways: Readonly<Record<string, Way>> = {
      node: { argv: program },
      bwrap,
      'bwrap, proxy': { ...bwrap, variables: jailVariables(`http://127.0.0.1:${jailPorts.network}`) },
      jail: { argv: [...run, '--', ...program] },
      advisory: { argv: [...run, '--containment', 'advisory', '--', ...program] },
    };
    const times: Record<string, number[]> = {};
    for (let number = -warmUpRounds; number < rounds; number += 1) {
      for (const [name, way] of Object.entries(ways)) {
        const ms = await tookMs(way, ground, node);
        if (number >= 0) (times[name] ??= []).push(ms);
      }
    }
    const ratioTo = (unit: string): Ratio => {
      const ratios = (times['jail'] ?? []).map((ms, index) => ms / (times[unit]?.[index] ?? Number.NaN));
      const at = (share: number): number => round(quantile(ratios, share), 2);
      return { median: at(0.5), p10: at(0.1), p90: at(0.9) };
    };
    return {
      ratio: ratioTo('bwrap'),
      ratioWithProxy: ratioTo('bwrap, proxy'),
      mediansMs: Object.fromEntries(Object.entries(times).map(([name, each]) => [name, round(quantile(each, 0.5), 1)])),
    };
  } finally {
    await ground.close();
  }
};

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '40' } } });
const missing = missingForJail(process.platform, process.arch);
if (missing !== null) {
  process.stderr.write(`${missing}\n`);
  process.exitCode = 1;
} else {
  const rounds = Math.max(1, Number.parseInt(values.rounds, 10) || 1);
  const before = loadavg()[0];
  const { ratio, ratioWithProxy, mediansMs } = await measure(rounds);
  const load = [before, loadavg()[0]].map((value) => round(value ?? Number.NaN, 1));
  if (!values.json) {
    for (const [name, ms] of Object.entries(mediansMs)) process.stdout.write(`${name.padEnd(12)} ${ms.toFixed(1)} ms\n`);
    process.stdout.write(`a jailed start: ${ratio.median} (${ratio.p10}–${ratio.p90}) of bubblewrap alone (≤ ${targetRatio})\n`);
    const { median, p10, p90 } = ratioWithProxy;
    process.stdout.write(`and ${median} (${p10}–${p90}) of it where both are told of a proxy\n`);
  }
  const about = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', load, rounds, target: targetRatio };
  process.stdout.write(`${JSON.stringify({ ...about, ratio, ratioWithProxy, mediansMs })}\n`);
  process.exitCode = ratio.median <= targetRatio ? 0 : 1;
}
