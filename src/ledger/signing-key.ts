// The key that signs checkpoints: made once, kept with the private files, never in the folder that is given to readers.
// An unusable key file is a problem to be told, not an exception; a new key never replaces a lost one by itself.

import { createPrivateKey } from 'node:crypto';
import type { Random } from '../core/clock.ts';
import type { Disk } from '../disk/disk.ts';
import { createSigner, type NoteSigner } from './note.ts';
import type { LedgerProblem } from './stored-log.ts';

/** PKCS #8 of an Ed25519 key up to the 32 bytes of the seed (RFC 8410 section 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const seedBytes = 32;

export const signingKeyName = 'ledger-key.pem';

const readSigner = (name: string, pem: Uint8Array): NoteSigner | null => {
  try {
    return createSigner(name, createPrivateKey(Buffer.from(pem)));
  } catch {
    return null;
  }
};

/** The signer of this deployment; `mayCreate` is false where checkpoints exist that an earlier key signed. */
export const loadSigner = async (
  settings: { readonly privateDirectory: string; readonly deploymentName: string; readonly mayCreate: boolean },
  { disk, random }: { readonly disk: Disk; readonly random: Random },
): Promise<NoteSigner | LedgerProblem> => {
  const file = `${settings.privateDirectory}/${signingKeyName}`;
  const stored = await disk.readFile(file);
  if (stored !== null) {
    // A start that was killed may have left it in a name that is not durable yet, and from here on records stand on it.
    await disk.syncFolder(settings.privateDirectory);
    return (
      readSigner(settings.deploymentName, stored) ?? {
        problem: 'this file is not an Ed25519 key in PKCS #8: restore it from a backup',
        file,
      }
    );
  }
  if (!settings.mayCreate)
    return { problem: 'the key that signed the checkpoints of this ledger is missing: restore it from a backup', file };
  const der = Buffer.concat([pkcs8Prefix, random.bytes(seedBytes)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  await disk.replaceFiles([{ path: file, bytes: Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })) }]);
  return createSigner(settings.deploymentName, key);
};
