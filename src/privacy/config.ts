// Settings of privacy.
// Masking of personal data is not built yet and is refused by name; until it is, every record says that nothing was inspected.

import { z } from 'zod';

export const privacyConfig = z.strictObject({
  mode: z
    .enum(['off', 'mask'])
    .refine((mode) => mode === 'off', { error: '`mask` is not built yet; only `off` is' })
    .default('off')
    .describe('`off`: personal data is neither looked for nor masked, and every record says so.'),
  denied_content: z
    .enum(['mask', 'deny'])
    .default('mask')
    .describe(
      'What becomes of content that was denied when the agent sends it again in the history of a later turn. `mask`: a sentence stands in its place, and the record says so. `deny`: the turn is denied as well.',
    ),
});

export type PrivacyConfig = z.output<typeof privacyConfig>;
