// An envelope on a filesystem of a few megabytes runs until it is full: honest denials, nothing lost, and it goes on by itself when there is space again.

import { test } from 'node:test';
import { liveOnSmallDisk } from './small-disk.ts';

test('G-RECORD-1, G-RECORD-2: on a small tmpfs that fills, whatever is answered is recorded, the rest is refused, and recording resumes by itself', () =>
  liveOnSmallDisk('tmpfs'));
