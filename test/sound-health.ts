// What an envelope that can serve says to whoever operates it. A test changes what it wants otherwise.
// Nothing here fails.

import type { Health } from '../src/admin/admin.ts';

export const soundHealth: Health = {
  notReady: () => null,
  isServing: () => true,
  mayScrape: async () => null,
  metrics: (accept) => ({ contentType: 'text/plain', text: accept ?? '' }),
};
