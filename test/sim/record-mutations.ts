// Bugs of one line on the way of a record: from the queue to a durable leaf, publication, what a start finds, and the disk.
// Contract: as `mutations.ts` has it.

import type { Rows } from './mutation.ts';

export const recordMutations: Rows = {
  // the ledger: from a record to a durable leaf
  'ledger/commit-loop.ts': [
    ['ends that are turned away with the rest', 'if (isFull() && !ending)', 'if (isFull())', 'what has begun can end on a full disk'],

    [
      'ends that may not use what is kept for them',
      "(journal.next() === 'ready' || endings.has(waiting.body.kind) ? 0",
      "(journal.next() === 'ready' ? 0",
      'what has begun can end on a full disk',
    ],

    [
      'an end for which no space is kept',
      "new Set(['outcome', 'closed', 'recovery'])",
      "new Set(['outcome', 'recovery'])",
      'what has begun can end on a full disk',
    ],

    [
      'a record that is written twice',
      'queue.push({ ...submission, sinceMs: clock.monotonicMs(), answer: resolve, answered: false });',
      'queue.push({ ...submission, sinceMs: clock.monotonicMs(), answer: resolve, answered: false }); queue.push({ ...submission, sinceMs: clock.monotonicMs(), answer: () => undefined, answered: false });',
      'a record stands once in the ledger',
    ],

    ['a gap between two leaves', 'index: log.size() + before });', 'index: log.size() + before + 1 });', 'leaves are contiguous'],
    [
      'a receipt for another leaf',
      'answer(waiting, { logId: waiting.body.log_id, origin: log.origin, index });',
      'answer(waiting, { logId: waiting.body.log_id, origin: log.origin, index: index + 1 });',
      'a receipt says where the record is',
    ],
    [
      'a sealed ledger that lets its callers wait',
      "if (sealed !== null) return Promise.resolve(refusal('sealed', sealed));",
      '',
      'what is sealed says so at once',
    ],
    [
      'a receipt that is given before the disk has the record',
      '    underWay = placed;',
      '    underWay = placed; for (const { waiting, log, index } of placed) answer(waiting, { logId: waiting.body.log_id, origin: log.origin, index });',
      'a record is acknowledged only when it is durable',
    ],
    ['an index that is used twice', 'index: log.size() + before });', 'index: log.size() });', 'a durable leaf never changes'],
    [
      'a leaf that is left out of its tree',
      'for (const { waiting, log } of placed) log.append(waiting.leaf, waiting.leafHash);',
      'for (const { waiting, log } of placed.slice(1)) log.append(waiting.leaf, waiting.leafHash);',
      'a checkpoint has the root of the durable leaves',
    ],
    [
      'records that nobody answers when the ledger is sealed',
      "for (const waiting of all) answer(waiting, refusal('sealed', sealed));",
      '',
      'a run comes to rest',
    ],
    [
      'an error of the journal that seals nothing',
      "seal(error instanceof JournalLost ? error.message : 'an error inside the ledger stopped it: report it, then restart');",
      'void error;',
      'nothing crosses after a failed sync',
    ],
    ['a record that is lost from the queue', 'queue = queue.slice(taken);', 'queue = queue.slice(taken + 1);', 'a run comes to rest'],
    [
      'a caller who waits without end for a slow disk',
      "if (isHurried(waiting) && waiting.sinceMs <= late) answer(waiting, refusal('slow', refusals.slow));",
      '',
      'nobody waits for a record without end',
    ],
    [
      'a new quarter that does not name the one before',
      'if (begun.predecessor !== null) place(silent(reference(stream, begun.predecessor)), begun.log);',
      '',
      'a log names the head of the one before it',
    ],
  ],
  'ledger/journal.ts': [
    ['a batch that is not written', '        await put(segment, bytes);', '', 'what was acknowledged stays'],

    [
      'a newest segment that is noted wrongly',
      '        await noteNewest(name);',
      '        await noteNewest(segmentName(firstLsn + 1));',
      'what was stopped cleanly starts again',
    ],

    ['a newest segment that is not noted', '        await noteNewest(name);', '', 'a segment that somebody took is missed'],

    [
      'a lock that nobody asks for',
      'if (!isLocked()) throw new JournalLost(lockLost);',
      '',
      'nothing is acknowledged once another may write',
    ],

    [
      'a next segment that cannot be made, unnoticed',
      'if (!isDiskFull(error)) lost(',
      'if (!isDiskFull(error)) void (',
      'nothing crosses after a failed sync',
    ],

    [
      'a full disk that is not tried again',
      'stopRetry = clock.after(limits.diskRetryMs, () => {',
      'stopRetry = clock.after(limits.diskRetryMs * 1_000, () => {',
      'space that comes back is used',
    ],
    [
      'a journal that is not synced',
      'const put = async ({ file, name, position }: Segment, bytes: Uint8Array): Promise<void> => {',
      'const put = async ({ file: synced, name, position }: Segment, bytes: Uint8Array): Promise<void> => { const file = { ...synced, sync: async () => undefined };',
      'a record is acknowledged only when it is durable',
    ],
    [
      'a batch over the one before it',
      'segment.position += bytes.length;',
      'segment.position += 0;',
      'a record is acknowledged only when it is durable',
    ],
    [
      'a segment that was replaced and is written on',
      'if (!(await file.isInPlace())) {',
      'if (file === undefined) {',
      'a record is acknowledged only when it is durable',
    ],
    [
      'a write that failed and is taken for done',
      "lose('a batch could not be made durable', error);",
      'void error;',
      'a record is acknowledged only when it is durable',
    ],
  ],
  'ledger/publisher.ts': [
    ['a ledger that is published by two', 'if (!mayPublish()) return false;', '', 'nothing is published once another may write'],

    ['what is published and held all the same', '        log.written(edge);', '', 'what is published is held no longer'],

    [
      'bundles that are not published',
      'edge.tiles.map(({ name, bytes })',
      "edge.tiles.filter(({ name }) => name.level !== 'entries').map(({ name, bytes })",
      'the folder verifies in the end',
    ],

    ['two publications at a time', 'round = round.then(attempt);', 'round = attempt();', 'a checkpoint continues the one before'],

    [
      'the current segment that goes',
      'const needed = name === currentSegment() || [...sizes]',
      'const needed = [...sizes]',
      'a disk without trouble refuses nothing',
    ],
    [
      'a checkpoint without all of its tiles',
      'edge.tiles.map(({ name, bytes })',
      'edge.tiles.slice(1).map(({ name, bytes })',
      'what a crash leaves can be recovered',
    ],
    [
      'a checkpoint over more than there is',
      'signNote(checkpointText(edge.head), [signer])',
      'signNote(checkpointText({ ...edge.head, size: edge.head.size + 1 }), [signer])',
      'a checkpoint covers only durable leaves',
    ],
    [
      'a head that is shown and not remembered',
      'await disk.replaceFiles([{ path: settings.headsFile,',
      'void ([{ path: settings.headsFile,',
      'an older ledger is not taken for the newest',
    ],
    ['segments that never go', 'if (needed) break;', 'break;', 'a segment goes when its records are published'],
  ],
  'ledger/running-ledger.ts': [
    [
      'a backlog that is none',
      'publisher.unpublishedBytes() > limits.unpublishedBytes',
      'publisher.unpublishedBytes() > limits.unpublishedBytes / 16_384',
      'what is refused for lack of space lacks it',
    ],
    [
      'an opening that came too late and stays',
      "return body.kind === 'opened' ? closingFor(",
      "return body.kind === 'closed' ? closingFor(",
      'an invocation that was refused too late is closed',
    ],
    [
      'no space that is kept for ends',
      'reserveBytes: Math.min(limits.outcomeReserveBytes, settings.segmentBytes / 4),',
      'reserveBytes: 0,',
      'what has begun can end on a full disk',
    ],

    ['work that is not seen to be open', '      openWork.observe(body);', '', 'each permitted decision has exactly one outcome'],
    [
      'a decision that came too late and stays open',
      'if (ending !== null) void submit(ending, true);',
      '',
      'what was refused too late is recorded as not carried out',
    ],
    [
      'logs that are published only at the end',
      'for (const [origin, size] of sizes) publisher.trackSegment(segment, origin, size);',
      'if (sizes.size > 0) return;',
      'what is durable is published soon',
    ],
  ],
  'ledger/open-work.ts': [
    [
      'denials that are taken for open',
      'else if (owesOutcome(record)) begin(decisions',
      "else if (record['kind'] === 'decision') begin(decisions",
      'a denial has no outcome',
    ],

    [
      'outcomes that recovery does not see',
      "if (record['kind'] === 'outcome') end(decisions, record['decision_log_id']);",
      "if (record['kind'] === 'outcome') end(decisions, record['log_id']);",
      'each permitted decision has exactly one outcome',
    ],
  ],
  'disk/disk.ts': [
    ['a file that takes its place before it is synced', '    await file.sync();', '', 'the folder verifies after a crash'],

    [
      'a disk that syncs nothing',
      'fs.fdatasync(descriptor, (error) => (error ? reject(error) : resolve()))',
      'resolve()',
      'a record is acknowledged only when it is durable',
    ],
    [
      'a sync that failed and is taken for done',
      'fs.fdatasync(descriptor, (error) => (error ? reject(error) : resolve()))',
      'fs.fdatasync(descriptor, () => resolve())',
      'a record is acknowledged only when it is durable',
    ],
    [
      'a write of which the system took a part',
      'else if (offset + written >= bytes.length) resolve();',
      'else if (written >= 0) resolve();',
      'a record is acknowledged only when it is durable',
    ],
    ['folders that are not synced', '    await folder.sync();', '', 'what a crash leaves can be recovered'],
  ],
  'ledger/shards.ts': [
    [
      'a log that is let go while it takes records',
      'if (!open.has(log) && done(log)) held.delete(log.origin);',
      'if (done(log)) held.delete(log.origin);',
      'a clean stop publishes every durable leaf',
    ],
    [
      'a record in the log of an older quarter',
      'now?.open === true && shard <= now.shard ? now.log : null',
      'now?.open === true ? now.log : null',
      'a record stands in the log of its quarter or of a later one',
    ],
  ],
  'ledger/ledger.ts': [
    [
      'a cut that no record tells of',
      'if (cuts.length === 0 && openDecisions.length === 0) return null;',
      'if (openDecisions.length === 0) return null;',
      'what a start cuts off is on record',
    ],

    [
      'a decision that a start forgets',
      '...openDecisions.map(',
      '...openDecisions.slice(1).map(',
      'each permitted decision has exactly one outcome',
    ],
  ],
  'ledger/log-tree.ts': [
    [
      'a checkpoint without the last leaf in a tile',
      'frontier.size() > partialWritten ?',
      'frontier.size() > partialWritten + 1 ?',
      'what a crash leaves can be recovered',
    ],

    [
      'a bundle that is one too long',
      'if (entries.length < tileWidth) return;',
      'if (entries.length <= tileWidth) return;',
      'the folder verifies in the end',
    ],

    [
      'a tile that is one too wide',
      'if (hashes.length < tileWidth) return;',
      'if (hashes.length <= tileWidth) return;',
      'the folder verifies in the end',
    ],
  ],
  'ledger/head-binding.ts': [
    [
      'heads that nobody states',
      'if (text === bound) return;',
      'if (text !== null) return;',
      'the heads of the other logs stand in the control log',
    ],
  ],
};
