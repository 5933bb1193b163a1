// One seeded run of the whole envelope: clients, upstream, disk and clock are simulated, everything between them is real.
// The power goes at a disk operation that the seed picks; the envelope starts again from what the disk kept, goes on, and stops cleanly.
// Contract: the same seed gives the same history. Broken invariants are the report's violations; an exception inside the run is one too.

import { basename } from 'node:path';
import { limits } from '../../src/core/limits.ts';
import type { LedgerProblem } from '../../src/ledger/ledger.ts';
import { createDisk } from '../../src/disk/disk.ts';
import { isLedgerProblem } from '../../src/ledger/ledger.ts';
import { verifyLedger } from '../../src/ledger/verifier.ts';
import { lookAtStopped } from './stopped-ledger.ts';
import { runAgent } from './clients.ts';
import type { Envelope, Planted } from './envelope.ts';
import { startEnvelope } from './envelope.ts';
import { ledgerFolder } from './ledger-settings.ts';
import type { Evidence } from './evidence.ts';
import { createEvidence } from './evidence.ts';
import { numberIn } from './invariants.ts';
import { filesOf, watchDisk } from './watched-disk.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { createMemoryDisk } from './memory-disk.ts';
import { createMoments } from './moments.ts';
import { writePast } from './past.ts';
import { systemOver } from './memory-system.ts';
import type { Chance, Life, Schedule } from './schedule.ts';
import { createChance, createSchedule } from './schedule.ts';
import { runOperator } from './operator.ts';
import type { Earlier } from './trials.ts';
import { asItIs, playBack, takeNewest } from './trials.ts';
import { createDestinations } from './tunnels.ts';
import { createUpstream } from './upstream.ts';
import type { Watch } from './watch.ts';
import { createWatch } from './watch.ts';
import type { Sky, Trouble } from './weather.ts';
import { createWeather } from './weather.ts';

export interface Report {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly steps: number;
  readonly virtualMs: number;
  readonly lives: number;
  /** How often each thing happened, to see that a run is about something. */
  readonly counts: ReadonlyMap<string, number>;
}

export interface SimulationOptions {
  readonly planted?: Planted;
  readonly told?: (line: string) => void;
}

const stepsMax = 60_000;
/** What all bodies in flight may have together: enough, or so little that some find none. */
const memories = [limits.bodiesInFlightBytes, limits.bodiesInFlightBytes, limits.bodiesInFlightBytes, 4_000, 1_300] as const;
const livesMax = 12;
/** The evening of an ordinary day, or three seconds before a new quarter with its new logs. */
const startsWallMs = [Date.UTC(2026, 4, 12, 19), Date.UTC(2026, 8, 30, 23, 59, 57)] as const;

interface World {
  readonly seed: number;
  readonly chance: Chance;
  readonly schedule: Schedule;
  readonly evidence: Evidence;
  readonly invariants: Watch;
  readonly digestKeys: Map<string, Uint8Array>;
  readonly violated: (rule: string, what: string) => void;
  readonly count: (what: string) => void;
  /** Whether records are so large that journal segments fill up. */
  readonly bulky: boolean;
  readonly memoryBytes: number;
  readonly nextAnswer: () => number;
  /** How many cuts were on record when a crash left an unfinished batch, until a start has told of it. */
  cutsBefore: number | null;
  readonly planted: Planted;
  readonly told: (line: string) => void;
}

/** What one life ended in. */
interface Lived {
  readonly disk: MemoryDisk;
  readonly ended: 'lost its power' | 'was killed' | 'refused to start' | 'stopped';
}

interface LifePlan {
  readonly number: number;
  readonly sky: Sky;
  readonly crashStep: number | null;
  /** Whether there is nothing left to do, so that the envelope is stopped. */
  readonly done: () => boolean;
  /** When it is stopped in the middle of its work; null when it is not. */
  readonly stopsAfterMs: number | null;
  readonly afterCleanStop: boolean;
  /** Nothing has crashed yet: at the latest the stop is cut short. */
  readonly mustCrash: boolean;
}

/** Lets time pass until `over` or nothing is left to happen. */
const pass = async ({ schedule, violated }: World, over: () => boolean): Promise<void> => {
  while (!over()) {
    if (schedule.stepCount() > stepsMax) return violated('a run comes to rest', `after ${stepsMax} steps it has not`);
    if (!(await schedule.step()) && !over()) return violated('a run comes to rest', 'nothing is left to happen and it waits');
  }
};

/** Waits for what the envelope does while time passes. */
const settled = async <T>(world: World, work: Promise<T>, over: () => boolean): Promise<T | null> => {
  let result: { readonly value: T } | null = null;
  void work.then(
    (value) => (result = { value }),
    (error: unknown) => world.violated('nothing throws', error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
  await pass(world, () => result !== null || over());
  return (result as { readonly value: T } | null)?.value ?? null;
};

const filesEndingIn = (disk: MemoryDisk, ending: string): (readonly [string, Uint8Array])[] =>
  [...disk.files()].filter(([path]) => path.endsWith(ending)).toSorted(([a], [b]) => (a < b ? -1 : 1));

const segmentsOf = (disk: MemoryDisk): readonly string[] =>
  filesEndingIn(disk, '.wal').flatMap(([path]) => (path.includes('/seg-') ? [path] : []));

const lookAt = (disk: MemoryDisk, world: World, moment: string): void => {
  // Before the first checkpoint there is nothing to verify, and the verifier says so.
  if (filesEndingIn(disk, '/checkpoint').length === 0) return;
  const verification = verifyLedger(filesOf(disk, ledgerFolder));
  if (!verification.ok) world.violated(`the folder verifies ${moment}`, JSON.stringify(verification.problems.slice(0, 3)));
};

/** A copy that is not the file that is written: what goes there from now on is nowhere. */
const replaceNewest = (disk: MemoryDisk): void => {
  const [path] =
    filesEndingIn(disk, '.wal')
      .filter(([each]) => each.includes('/seg-'))
      .at(-1) ?? [];
  if (path !== undefined) disk.tamper(path, (bytes) => bytes);
};

/** Keeps the envelope up until the power goes, the operator restarts or stops it, or nothing is left to do. */
const stayUp = async (
  world: World,
  envelope: Envelope,
  plan: LifePlan,
  life: Life,
  crashed: () => boolean,
  kill: () => void,
): Promise<void> => {
  const { chance, count } = world;
  let sealed = false;
  let stopAsked = false;
  if (plan.stopsAfterMs !== null) life.later('the operator stops the envelope', plan.stopsAfterMs, () => (stopAsked = true));
  await pass(world, () => {
    if (!sealed && envelope.ledger.standing().state === 'sealed') {
      sealed = true;
      count('sealed');
      life.later('the operator restarts', chance.between(50, 6_000), kill);
    }
    return crashed() || (!sealed && (stopAsked || plan.done()));
  });
};

/** Starts the envelope on `found`, lets it live as planned, and brings it down. */
const live = async (world: World, found: MemoryDisk, plan: LifePlan, setSite: (envelope: Envelope | null) => void): Promise<Lived> => {
  const { schedule, chance, told, invariants, evidence } = world;
  const life = schedule.begin();
  let crashed = false;
  let stopping = false;
  evidence.shut(false);
  let lose = (): void => undefined;
  const lost = new Promise<'lost'>((resolve) => (lose = () => resolve('lost')));
  const kill = (): void => void (crashed = true);
  const weather = createWeather({ life, chance, sky: plan.sky, crashStep: plan.crashStep, crash: kill, invariants, replaceJournal: () => replaceNewest(disk), loseLock: () => disk.loseLock() }); // prettier-ignore
  const disk: MemoryDisk = found.kill(weather.settings);
  let envelope: Envelope | LedgerProblem | null = null;
  const upstream = createUpstream({
    life,
    chance,
    called: invariants.upstreamCalled,
    nextAnswer: world.nextAnswer,
    drawn: ({ streamed, sent, outbound }) => {
      if (!streamed && envelope !== null && 'memory' in envelope) envelope.memory.drawn(numberIn(outbound.body), bytesOf(sent));
    },
  });
  const partly = (bytes: number): number => (chance.happens(0.02) ? chance.between(1, bytes) : bytes);
  const { sought, reached, plainAsked, tunnel } = invariants.network;
  const destinations = createDestinations({ life, chance, listener: invariants, sought, dialled: reached, asked: plainAsked, tunnel });
  const trouble: Trouble = { any: () => weather.troubled() || stopping, spaceForMs: weather.spaceForMs, wasFull: weather.wasFull };
  const shown = filesEndingIn(found, '/checkpoint');
  const foundSegments = segmentsOf(found);
  told(`--- life ${plan.number} begins, the disk is ${plan.sky}`);

  const end = (ended: Lived['ended'], left: MemoryDisk): Lived => {
    setSite(null);
    life.end();
    lose();
    told(`--- life ${plan.number} ${ended} at disk operation ${disk.steps()}`);
    return { disk: left, ended };
  };
  const crash = (): Lived => {
    world.count('crash');
    // A killed process loses nothing that it wrote, but what was not synced may still go with the power later.
    const powerLost = chance.happens(0.7);
    const left = powerLost ? disk.crash(calm(chance)) : disk.kill(calm(chance));
    // What a loss of power leaves is there for good, acknowledged or not.
    if (powerLost)
      for (const [path, bytes] of filesEndingIn(left, '.wal')) {
        evidence.journal(basename(path), bytes);
        if (path.includes('/seg-') && evidence.isUnfinished(basename(path), bytes)) world.cutsBefore ??= evidence.cutsRecorded();
      }
    if (powerLost && chance.happens(0.3)) lookAt(left, world, 'after a crash');
    return end(powerLost ? 'lost its power' : 'was killed', left);
  };

  const parts = {
    ...world,
    life,
    lost,
    random: chance,
    upstream,
    destinations,
    trouble,
    disk: createDisk(systemOver(watchDisk(disk, evidence), partly)),
  };
  envelope = await settled(world, startEnvelope(parts), () => crashed);
  if (envelope === null) return crash();
  if (isLedgerProblem(envelope)) {
    if (!trouble.any()) world.violated('what a crash leaves can be recovered', envelope.problem);
    return end('refused to start', disk.kill(calm(chance)));
  }
  // A publication that failed or was cut short may have come through all the same, and the start has made durable what it found.
  for (const [path, bytes] of shown) if (disk.files().get(path) === bytes) evidence.foundCheckpoint(bytes);
  lookAtCut(world);
  if (plan.afterCleanStop) invariants.leftOpen(envelope.ledger.found.openDecisions, envelope.ledger.found.openInvocations);
  setSite(envelope);
  await stayUp(world, envelope, plan, life, () => crashed, kill);
  stopping = true;
  if (plan.mustCrash && !crashed) weather.crashSoon();
  if (crashed || (await settled(world, stopped(envelope, setSite), () => crashed)) === null) return crash();
  if (!weather.troubled()) lookAtStopped(world, envelope.ledger.measures().unpublishedBytes);
  if (envelope.ledger.standing().state !== 'sealed') invariants.stopped(plan.done() && !weather.troubled());
  if (plan.done()) {
    envelope.memory.atRest();
    const underWay = envelope.underWay();
    if (underWay > 0) world.violated('what is over is not under way', `${underWay} crossings`);
    const segments = weather.troubled() ? [] : segmentsOf(disk);
    // Where nothing was recorded, what was found stays: a ledger is never without a journal.
    const begun = segments.some((path) => !foundSegments.includes(path));
    if (begun && segments.length > 1) world.violated('a segment goes when its records are published', `${segments.length} are left`);
    if (life.timers() > 0) world.violated('what is over leaves no timer behind', `${life.timers()} timers`);
  }
  return end('stopped', disk.kill(calm(chance)));
};

/** What the last crash left unfinished was cut off by the start, which says so in a record. */
const lookAtCut = (world: World): void => {
  const { cutsBefore, evidence, violated } = world;
  if (cutsBefore !== null && evidence.cutsRecorded() <= cutsBefore) violated('what a start cuts off is on record', `${cutsBefore} are`);
  world.cutsBefore = null;
};

const stopped = async (envelope: Envelope, setSite: (envelope: Envelope | null) => void): Promise<true> => {
  setSite(null);
  await envelope.stop();
  return true;
};

const bytesOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

const calm = (chance: Chance) => ({ chance: () => chance.below(2 ** 30) / 2 ** 30 });

const skies = ['calm', 'calm', 'calm', 'slow', 'full', 'failing'] as const;
const crowdedSkies = ['full', 'full', 'full', 'slow', 'slow', 'failing'] as const;

/** The lives of one run, one of which crashes at least; the last stops cleanly when all clients have gone. */
const liveAll = async (world: World, agents: Promise<unknown>, setSite: (envelope: Envelope | null) => void): Promise<void> => {
  const { chance, schedule } = world;
  let quiet = false;
  const rest = (): void => void (quiet = true);
  void agents.then(rest, rest);
  let disk = createMemoryDisk(calm(chance));
  const crashSteps = [
    chance.between(1, chance.pick(world.bulky ? [900, 1_500] : [60, 300, 900])),
    chance.happens(0.3) ? chance.between(1, 90) : null,
  ];
  let hasCrashed = false;
  let earlier: Earlier | null = null;
  const trial = { ...world, settled: <T>(work: Promise<T>) => settled(world, work, () => false) };
  if (chance.happens(0.06)) {
    const past = schedule.begin();
    await settled(world, writePast(disk, world.evidence, chance, past), () => false);
    past.end();
    disk = disk.kill(calm(chance));
  }
  for (let number = 1; number <= livesMax; number += 1) {
    // What a start repairs must be there for the next, too, if the power goes meanwhile.
    const again = world.cutsBefore !== null && chance.happens(0.3) ? chance.between(20, 90) : null;
    const crashStep = again ?? crashSteps[number - 1] ?? null;
    const sky = number <= 3 ? chance.pick(world.bulky ? crowdedSkies : skies) : 'calm';
    const stopsAfterMs = number <= 4 && chance.happens(0.2) ? chance.between(100, 20_000) : null;
    const plan = { number, sky, crashStep, stopsAfterMs, done: () => quiet, afterCleanStop: false, mustCrash: !hasCrashed };
    const lived = await live(world, disk, plan, setSite);
    ({ disk } = lived);
    if (earlier !== null && chance.happens(0.3)) await playBack(trial, disk, earlier);
    if (chance.happens(0.08)) await takeNewest(trial, disk);
    // Only then it is known exactly what the files hold.
    if (lived.ended === 'lost its power') earlier = asItIs(disk, world.evidence);
    hasCrashed ||= lived.ended === 'lost its power' || lived.ended === 'was killed';
    // A call that was under way when somebody stopped the envelope has its end only after one more start.
    if (lived.ended === 'stopped' && plan.stopsAfterMs === null && quiet) break;
    const darkness = schedule.begin();
    let passed = false;
    darkness.later('the envelope is down', chance.between(10, 4_000), () => (passed = true));
    await pass(world, () => passed);
  }
  await concludeBooks(world, disk, setSite);
};

/** Opens and stops the envelope once more, so that what was left open has its end; then the books must balance. */
const concludeBooks = async (world: World, disk: MemoryDisk, setSite: (envelope: Envelope | null) => void): Promise<void> => {
  const plan: LifePlan = { number: livesMax + 1, sky: 'calm', crashStep: null, stopsAfterMs: null, done: () => true, afterCleanStop: true, mustCrash: false }; // prettier-ignore
  const last = await live(world, disk, plan, setSite);
  if (last.ended !== 'stopped') world.violated('what was stopped cleanly starts again', last.ended);
  const { logs, problems, ok } = verifyLedger(filesOf(last.disk, ledgerFolder));
  if (!ok && filesEndingIn(last.disk, '/checkpoint').length > 0)
    world.violated('the folder verifies in the end', JSON.stringify(problems.slice(0, 3)));
  for (const { origin, size, root } of world.evidence.heads()) {
    const published = logs.find((log) => log.origin === origin);
    if (published?.size !== size || published.root !== root) {
      world.violated('a clean stop publishes every durable leaf', `${origin}: ${published?.size} of ${size}`);
    }
  }
  world.invariants.atEnd();
};

/** Runs the world of one seed to its end. */
export const simulate = async (seed: number, { planted = {}, told = () => undefined }: SimulationOptions = {}): Promise<Report> => {
  const chance = createChance(seed, 'world');
  const violations: string[] = [];
  const counts = new Map<string, number>();
  const schedule = createSchedule(createChance(seed, 'schedule'), chance.pick(startsWallMs), told);
  const violated = (rule: string, what: string): void => {
    const line = `${rule}: ${what}`;
    told(`!!! ${line}`);
    violations.push(line);
  };
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const evidence = createEvidence(violated);
  const digestKeys = new Map<string, Uint8Array>();
  const outside: Life = schedule.begin();
  let envelope: Envelope | null = null;
  const site = () => envelope?.site ?? null;
  const { saw } = createMoments({ chance: createChance(seed, 'moments'), life: outside, site });
  const invariants = createWatch({ evidence, violated, count, told, saw, nowMs: schedule.nowMs, digestKey: (id) => digestKeys.get(id) });
  const bulky = chance.happens(0.1);
  const memoryBytes = bulky ? limits.bodiesInFlightBytes : chance.pick(memories);
  let answers = 0;
  const nextAnswer = (): number => ++answers;
  const world: World = {
    seed,
    cutsBefore: null,
    chance,
    bulky,
    memoryBytes,
    nextAnswer,
    schedule,
    evidence,
    invariants,
    digestKeys,
    violated,
    count,
    planted,
    told,
  };
  let number = 0;
  const client = {
    chance: createChance(seed, 'clients'),
    life: outside,
    site,
    listener: invariants,
    nextNumber: () => ++number,
    bulky,
  };
  let lives = 0;
  try {
    const agents = Promise.all(Array.from({ length: bulky ? 4 : chance.between(1, 3) }, () => runAgent(client)));
    agents.catch((error: unknown) => violated('nothing throws', error instanceof Error ? (error.stack ?? error.message) : String(error)));
    let over = false;
    const overNow = (): void => void (over = true);
    void agents.then(overNow, overNow);
    if (chance.happens(0.3))
      void runOperator({ ...client, chance: createChance(seed, 'operator'), opened: invariants.runs, over: () => over });
    await liveAll(world, agents, (now) => {
      if (now !== null) lives += 1;
      envelope = now;
    });
  } catch (error) {
    violated('nothing throws', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return { seed, violations, steps: schedule.stepCount(), virtualMs: schedule.nowMs(), lives, counts };
};
