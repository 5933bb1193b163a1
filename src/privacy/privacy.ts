// The inspect stage. `off` is the only mode that is built: nothing is looked for,
// and every record says so.

import type { Inspection } from '../core/stages.ts';

export interface PrivacySettings {
  readonly mode: 'off';
}

const notLookedAt: Inspection = { notInspected: [{ what: 'personal_data', why: 'off' }] };

export const createInspect = (settings: PrivacySettings): (() => Inspection) => {
  switch (settings.mode) {
    case 'off':
      return () => notLookedAt;
  }
};
