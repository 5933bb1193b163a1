// The ledger: the one way in which records become durable, and the logs that prove them. This is its write side.
// Contract: `append` answers when the record is durable, or says why it is not; it never rejects. A refusal means: do not act.
// `slow` leaves open whether the record became durable later; if so, the ledger itself adds that nothing was carried out.
// Opening refuses, with a problem that names the file, wherever going on could hide a loss. It never throws for what lies on disk.

import { limits } from '../core/limits.ts';
import { isRefusal } from '../core/receipt.ts';
import { diskErrorName, isDiskFull, type Disk, type Lock } from '../disk/disk.ts';
import { outcomeFor } from './open-work.ts';
import { createRecordWriter } from './record-writer.ts';
import { cutNoteName, originsIn, recover } from './recovery.ts';
import { startLedger, type Ledger } from './running-ledger.ts';
import { headsFile, openWorkFile, settingsProblem, type LedgerDeps, type LedgerSettings } from './settings.ts';
import { loadSigner } from './signing-key.ts';
import { isLedgerProblem, type LedgerProblem } from './stored-log.ts';

export type { Ledger } from './running-ledger.ts';
export type { LedgerDeps, LedgerSettings } from './settings.ts';
export { isLedgerProblem, type LedgerProblem } from './stored-log.ts';

const formatVersion = 1;
const unknownOutcome = 'the envelope stopped before the outcome was recorded: whether the crossing happened, and how it ended, is unknown';

/** Makes the folders and reads or writes `format`, which says what may read this folder. */
const enterFolder = async (settings: LedgerSettings, disk: Disk): Promise<LedgerProblem | null> => {
  const file = `${settings.directory}/format`;
  const stored = await disk.readFile(file);
  if (stored === null) {
    const used = (await originsIn(disk, settings.directory)).length > 0 || (await disk.list(`${settings.directory}/journal`)).length > 0;
    if (used) return { problem: 'this folder holds a ledger but not its format file: restore the file from a copy', file };
    await disk.replaceFiles([{ path: file, bytes: Buffer.from(`sealwright ledger ${formatVersion}\n${settings.deploymentName}\n`) }]);
    return null;
  }
  const [, version, name] = /^sealwright ledger (\d+)\n(.*)\n/.exec(Buffer.from(stored).toString()) ?? [];
  if (version === undefined) return { problem: 'this file does not say which ledger it belongs to: restore it from a copy', file };
  if (Number(version) > formatVersion)
    return { problem: `this ledger has format ${version}, which a newer Sealwright wrote: use that one`, file };
  return name === settings.deploymentName
    ? null
    : { problem: `this ledger belongs to the deployment ${JSON.stringify(name)}: a ledger never changes its name`, file };
};

/** Records what the start found, and gives every open decision its outcome. */
const recordFindings = async (ledger: Ledger, settings: LedgerSettings, deps: LedgerDeps): Promise<LedgerProblem | null> => {
  const { cuts, openDecisions, openInvocations } = ledger.found;
  if (cuts.length === 0 && openDecisions.length === 0) return null;
  const { own, stamp } = createRecordWriter(settings, deps);
  const recovery = own('control', 'recovery', {
    recovery: { cuts, unknown_outcomes: openDecisions.length, open_invocations: openInvocations.length },
  });
  const bodies = [recovery, ...openDecisions.map((decision) => outcomeFor(decision, { success: null, message: unknownOutcome }, stamp()))];
  while (bodies.length > 0) {
    const recorded = await Promise.all(bodies.splice(0, limits.batchEntriesCount).map((body) => ledger.append(body)));
    const refused = recorded.find(isRefusal);
    if (refused !== undefined) return { problem: `what the start found could not be recorded: ${refused.problem}` };
  }
  const journal = `${settings.directory}/journal`;
  if (cuts.length > 0) {
    await deps.disk.remove(`${journal}/${cutNoteName}`);
    await deps.disk.syncFolder(journal);
  }
  return null;
};

const diskProblem = (settings: LedgerSettings, error: unknown): LedgerProblem => ({
  problem: isDiskFull(error)
    ? 'there is no space to open the ledger: free space on the disk that holds it'
    : `the ledger could not be opened (${diskErrorName(error)}): check the disk and the rights of this folder`,
  file: settings.directory,
});

const openLocked = async (settings: LedgerSettings, deps: LedgerDeps, lock: Lock): Promise<Ledger | LedgerProblem> => {
  const { disk } = deps;
  const entered = await enterFolder(settings, disk);
  if (entered !== null) return entered;
  await disk.createFolder(`${settings.directory}/journal`);
  await disk.createFolder(`${settings.directory}/logs`);
  const mayCreate = (await originsIn(disk, settings.directory)).length === 0;
  const signer = await loadSigner({ ...settings, mayCreate }, deps);
  if (isLedgerProblem(signer)) return signer;
  const vkeyFile = `${settings.directory}/key.vkey`;
  const vkey = Buffer.from(`${signer.vkey}\n`);
  if (Buffer.compare((await disk.readFile(vkeyFile)) ?? new Uint8Array(0), vkey) !== 0)
    await disk.replaceFiles([{ path: vkeyFile, bytes: vkey }]);
  const recovered = await recover(
    { ...settings, vkey: signer.vkey, headsFile: headsFile(settings), openWorkFile: openWorkFile(settings) },
    disk,
  );
  if (isLedgerProblem(recovered)) return recovered;
  const ledger = await startLedger({ settings, deps, lock, signer, recovered });
  if (isLedgerProblem(ledger)) return ledger;
  const unrecorded = await recordFindings(ledger, settings, deps).catch((error: unknown) => diskProblem(settings, error));
  if (unrecorded === null) return ledger;
  await ledger.close();
  return unrecorded;
};

/** Opens the ledger in `settings.directory` for writing, after reading back and checking what is there. */
export const openLedger = async (settings: LedgerSettings, deps: LedgerDeps): Promise<Ledger | LedgerProblem> => {
  const problem = settingsProblem(settings);
  if (problem !== null) return problem;
  let lock: Lock | null = null;
  try {
    for (const folder of [settings.directory, settings.privateDirectory, settings.stateDirectory]) await deps.disk.createFolder(folder);
    lock = await deps.disk.lock(`${settings.directory}/lock`);
    if (lock === null) return { problem: 'another process writes to this ledger: stop that one first', file: settings.directory };
    const opened = await openLocked(settings, deps, lock);
    if (isLedgerProblem(opened)) lock.release();
    return opened;
  } catch (error) {
    lock?.release();
    return diskProblem(settings, error);
  }
};
