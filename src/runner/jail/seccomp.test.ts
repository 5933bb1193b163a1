import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Architecture } from './seccomp.ts';
import { refusedCalls, seccompFilter } from './seccomp.ts';

/** What the kernel does with the program (net/core/filter.c), for the instructions that it uses. */
const decide = (program: Uint8Array, architecture: number, number: number, args: readonly number[] = []): number => {
  const bytes = Buffer.from(program);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture >>> 0, 4);
  for (const [index, value] of args.entries()) data.writeUInt32LE(value >>> 0, 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < bytes.length / 8; at += 1) {
    const [code, jt, jf, k] = [bytes.readUInt16LE(at * 8), bytes[at * 8 + 2] ?? 0, bytes[at * 8 + 3] ?? 0, bytes.readUInt32LE(at * 8 + 4)];
    if (code === 0x06) return k;
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else {
      const met = code === 0x15 ? accumulator === k : code === 0x35 ? accumulator >= k : (accumulator & k) !== 0;
      at += met ? jt : jf;
    }
  }
  return assert.fail('the program ends without a verdict');
};

const ALLOW = 0x7fff0000;
const machines = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
const numberOf = (call: string, architecture: Architecture): number =>
  refusedCalls.find((refused) => refused.call === call)?.[architecture] ?? assert.fail(call);

for (const architecture of ['x64', 'arm64'] as const) {
  const program = seccompFilter(architecture);
  const verdict = (call: string, ...args: readonly number[]): number =>
    decide(program, machines[architecture], numberOf(call, architecture), args);
  const errno = (code: number): number => 0x00050000 | code;

  test(`${architecture}: every call that is refused whatever it says is refused, and others are allowed`, () => {
    for (const { call, where, errno: code } of refusedCalls) if (where === undefined) assert.equal(verdict(call), errno(code), call);
    const known = new Set(refusedCalls.map((refused) => refused[architecture]));
    for (let number = 0; number < 600; number += 1)
      if (!known.has(number)) assert.equal(decide(program, machines[architecture], number), ALLOW, `${number}`);
  });

  test(`${architecture}: sockets are of the machine and of the internet protocols, nothing else`, () => {
    for (const family of [1, 2, 10]) assert.equal(verdict('socket', family), ALLOW);
    for (const family of [0, 16, 17, 31, 38, 40, 44, 0xffffffff]) assert.equal(verdict('socket', family), errno(97), `${family}`);
  });

  test(`${architecture}: no new namespace, and nothing typed into the terminal`, () => {
    assert.equal(verdict('clone', 0x003d0f00), ALLOW);
    for (const flag of [0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000])
      assert.equal(verdict('clone', 0x003d0f00 | flag), errno(1), flag.toString(16));
    for (const request of [0x5412, 0x541c]) assert.equal(verdict('ioctl', 0, request), errno(1));
    for (const request of [0x5401, 0x5413, 0x5411]) assert.equal(verdict('ioctl', 0, request), ALLOW);
  });

  test(`${architecture}: the first process of the jail is nobody's to look into, and the process group is sent nothing that ends what stands around`, () => {
    for (const [call, argument] of [
      ['ptrace', 1],
      ['process_vm_readv', 0],
      ['process_vm_writev', 0],
      ['pidfd_open', 0],
    ] as const) {
      const args = (pid: number): readonly number[] => (argument === 1 ? [0x4206, pid] : [pid]);
      assert.deepEqual([verdict(call, ...args(1)), verdict(call, ...args(2))], [errno(1), ALLOW], call);
    }
    for (const signal of [4, 6, 9, 11, 13, 14, 31, 34, 64]) {
      assert.equal(verdict('kill', 0, signal), errno(1), `${signal}`);
      for (const to of [2, -2, -1]) assert.equal(verdict('kill', to, signal), ALLOW, `${to} ${signal}`);
    }
    for (const signal of [0, 1, 2, 3, 10, 12, 15, 18, 19, 20, 21, 22, 28]) assert.equal(verdict('kill', 0, signal), ALLOW, `${signal}`);
    for (const [family, found] of [
      [1, ALLOW],
      [2, errno(97)],
      [30, errno(97)],
    ] as const)
      assert.equal(verdict('socketpair', family), found);
  });

  test(`${architecture}: nothing makes the first process, the process group or what the user has run behind others`, () => {
    for (const call of ['sched_setscheduler', 'sched_setattr', 'sched_setaffinity'])
      assert.deepEqual([verdict(call, 1), verdict(call, 2), verdict(call, 0)], [errno(1), ALLOW, ALLOW], call);
    for (const [which, who, found] of [
      [0, 1, errno(1)],
      [0, 0, ALLOW],
      [0, 2, ALLOW],
      [1, 0, errno(1)],
      [1, 2, errno(1)],
      [2, 0, errno(1)],
    ] as const)
      assert.deepEqual([verdict('setpriority', which, who), verdict('ioprio_set', which + 1, who)], [found, found], `${which} ${who}`);
  });

  test(`${architecture}: no file is made, or becomes one, that runs as its owner`, () => {
    const [O_CREAT, O_TMPFILE, O_DIRECTORY] = [0o100, 0o20000000, architecture === 'x64' ? 0o200000 : 0o40000];
    const calls = refusedCalls.filter((refused) => refused[architecture] !== null).map(({ call }) => call);
    for (const [call, before] of [
      ['chmod', [7]],
      ['fchmod', [7]],
      ['fchmodat', [7, 7]],
      ['fchmodat2', [7, 7]],
      ['creat', [7]],
      ['mknod', [7]],
      ['mknodat', [7, 7]],
      ['open', [7, O_CREAT]],
      ['open', [7, O_TMPFILE | O_DIRECTORY | 2]],
      ['openat', [7, 7, O_CREAT | 1]],
      ['openat', [7, 7, O_TMPFILE | O_DIRECTORY | 2]],
    ] as const) {
      if (!calls.includes(call)) continue;
      for (const mode of [0o4755, 0o4000, 0o6111, 0o104755]) assert.equal(verdict(call, ...before, mode), errno(1), `${call} ${mode}`);
      for (const mode of [0, 0o644, 0o755, 0o2775, 0o1777, 0o100644])
        assert.equal(verdict(call, ...before, mode), ALLOW, `${call} ${mode}`);
    }
    // What is no mode, where nothing is made.
    assert.equal(verdict('openat', 7, 7, O_DIRECTORY | 0o2000000, 0o4755), ALLOW);
    assert.equal(verdict('openat2'), errno(38));
  });

  test(`${architecture}: calls of another table do not get through`, () => {
    assert.equal(decide(program, 0x40000003, 1), 0x80000000);
    if (architecture === 'x64') assert.equal(decide(program, machines.x64, 0x40000000 + 425), errno(38));
  });
}
