// Every attempt of the kit, in the order of the list. Data only.
// An attempt is added in the file of its group, and nowhere else.

import type { Attempt } from '../attempt.ts';
import { addresses } from './addresses.ts';
import { after } from './after.ts';
import { around } from './around.ts';
import { http } from './http.ts';
import { httpConnections } from './http-connections.ts';
import { machine } from './machine.ts';
import { names } from './names.ts';
import { policyEdge } from './policy-edge.ts';
import { through } from './through.ts';
import { tls } from './tls.ts';

export const kit: readonly Attempt[] = [
  ...policyEdge,
  ...names,
  ...addresses,
  ...tls,
  ...http,
  ...httpConnections,
  ...around,
  ...machine,
  ...through,
  ...after,
];
