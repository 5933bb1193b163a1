import assert from 'node:assert/strict';
import { test } from 'node:test';

import { nearest } from './nearest.ts';

const known = ['audit verify', 'audit search', 'version', 'doctor', 'up', 'run'];

test('a slip of the finger finds the name that was meant', () => {
  assert.equal(nearest('versoin', known), 'version');
  assert.equal(nearest('docter', known), 'doctor');
  assert.equal(nearest('audit verfy', known), 'audit verify');
  assert.equal(nearest('UP', known), 'up');
});

test('a swap of two neighbours counts as one slip', () => {
  assert.equal(nearest('pu', known), 'up');
});

test('a name that resembles nothing gets no guess', () => {
  assert.equal(nearest('kubernetes', known), undefined);
  assert.equal(nearest('', known), undefined);
  assert.equal(nearest('version', []), undefined);
});

test('a very long name is not compared', () => {
  assert.equal(nearest('v'.repeat(10_000), ['v'.repeat(10_001)]), undefined);
});
