// The inspect stage, and what follows from it for the bytes: content that was denied in an earlier turn is recognised when it comes along,
// and replaced where the judgement left it out. Personal data is not looked for (`off` is the only mode that is built), and every record says so.

import type { Splice } from '../core/slot.ts';
import type { Judgement, Stages } from '../core/stages.ts';
import type { PrivacyConfig } from './config.ts';
import type { DeniedContent } from './denied-content.ts';

export { createDeniedContent, type DeniedContent } from './denied-content.ts';
export { createDeniedContentFiles } from './denied-content-files.ts';

export type PrivacySettings = PrivacyConfig;

const notInspected = [{ what: 'personal_data', why: 'off' }];

export const createInspect =
  (settings: PrivacySettings, denied: DeniedContent): Stages['inspect'] =>
  ({ invocation, reading }) =>
    reading === null || settings.denied_content === 'deny'
      ? { notInspected }
      : { notInspected, deniedBefore: () => denied.broughtAlong(invocation, reading.opaque) };

export const createRememberDenied =
  (settings: PrivacySettings, denied: DeniedContent): Stages['rememberDenied'] =>
  ({ invocation, reading, judgement: { offending = [] } }) => {
    if (reading !== null && settings.denied_content === 'mask') denied.remember(invocation, reading.opaque, offending);
  };

/** What stands in the place of what was taken out. */
export const spliceTakenOut = ({ takenOut = [] }: Judgement): readonly Splice[] =>
  takenOut.map(({ start, end, replacement }) => ({ start, end, replacement: replacement() }));
