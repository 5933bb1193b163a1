// Settings of privacy.
// Masking is not built yet and is refused by name; until it is, every record says that nothing was inspected.

import { z } from 'zod';

export const privacyConfig = z.strictObject({
  mode: z
    .enum(['off', 'mask'])
    .refine((mode) => mode === 'off', { error: '`mask` is not built yet; only `off` is' })
    .default('off')
    .describe('`off`: personal data is neither looked for nor masked, and every record says so.'),
});
