// Settings of identity: who may open an invocation and what proves it.
// Local development proves nothing and says so in every record; it is the only way that is built.

import { z } from 'zod';

export const identityConfig = z.strictObject({
  local_development: z
    .literal(true)
    .describe('The invoker is whoever can reach the control socket. Loopback only; every record says so; such persons cannot approve.'),
});
