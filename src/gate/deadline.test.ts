import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, clock } from '../../test/gate-world.ts';
import type { Denial } from '../core/denial.ts';
import { watchDeadline } from './deadline.ts';

const stop: Denial = { denial: 'stopped', problem: 'everything was stopped' };

const watched = () => {
  const gone = new AbortController();
  let cut = (_denial: Denial): void => undefined;
  const deadline = watchDeadline(clock, gone.signal, admitted({ whenCutOff: (listener) => ((cut = listener), () => undefined) }));
  return { gone, deadline, cut: (denial: Denial) => cut(denial) };
};

test('what has ended keeps the reason that it ended for', () => {
  const left = watched();
  left.gone.abort();
  left.cut(stop);
  assert.equal(left.deadline.denial(), null);
  const stopped = watched();
  stopped.cut(stop);
  stopped.cut({ denial: 'deadline_exceeded', seconds: 1 });
  stopped.gone.abort();
  assert.deepEqual(stopped.deadline.denial(), stop);
});
