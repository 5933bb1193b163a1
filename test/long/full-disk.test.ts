// The same as on a small tmpfs, on a real ext4 in a loop device. Needs root, loop devices and `mkfs.ext4` (package e2fsprogs).

import { test } from 'node:test';
import { liveOnSmallDisk } from '../fault/machine/small-disk.ts';

test('G-RECORD-1, G-RECORD-2: on a small ext4 that fills, whatever is answered is recorded, the rest is refused, and recording resumes by itself', () =>
  liveOnSmallDisk('ext4'));
