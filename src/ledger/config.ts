// Settings of the ledger.
// The name and the retention class become part of the origin of each log, so their characters are few.

import { z } from 'zod';
import { limits } from '../core/limits.ts';

const MIB = 1024 * 1024;

const originPart = (charactersMax: number): z.ZodString =>
  z
    .string()
    .max(charactersMax)
    .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, {
      error: 'may only have lower-case letters, digits, dots and hyphens, and none of these two at either end',
    });

export const ledgerConfig = z.strictObject({
  name: originPart(63)
    .default('local')
    .describe('Name of this deployment, the first part of the origin of each log. Never change it in a ledger that exists.'),
  retention_class: originPart(32).default('standard').describe('Retention class of new records, a part of the origin of each log.'),
  segment_bytes: z
    .number()
    .int()
    .min(MIB)
    .max(16 * limits.segmentBytes)
    .default(limits.segmentBytes)
    .describe('Size of one preallocated journal segment, in bytes.'),
  known_checkpoints: z
    .string()
    .min(1)
    .optional()
    .describe('File of checkpoints known from elsewhere, relative to this file. A ledger that does not continue them is refused.'),
});
