// Bugs of one line in the source, at least one for each stage of a crossing and for each promise that the simulation watches.
// Each row says which rule must break; `mutations.test.ts` finds a few of them at each run, `test/long/mutations.test.ts` all. A row whose text no
// longer stands in its file exactly once fails by name.

import { answerMutations } from './answer-mutations.ts';
import { crossingMutations } from './crossing-mutations.ts';
import { gateMutations } from './gate-mutations.ts';
import { laterMutations } from './later-mutations.ts';
import type { Mutation } from './mutation.ts';
import { recordMutations } from './record-mutations.ts';

export const mutations: readonly Mutation[] = [gateMutations, answerMutations, crossingMutations, recordMutations, laterMutations].flatMap(
  (rows) =>
    Object.entries(rows).flatMap(([file, list]) => list.map(([name, find, replace, rule]) => ({ name, file, find, replace, rule }))),
);
