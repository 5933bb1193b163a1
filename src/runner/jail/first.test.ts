import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deafProgram, firstProgram } from './first.ts';
import type { Architecture } from './seccomp.ts';

/** What the stack of a program with two arguments begins with, and where. */
const stack = 0x7f000;
const words = new Map([
  [stack, 3],
  [stack + 16, 0x9000],
]);
const wordAt = (address: number): number => words.get(address) ?? assert.fail(`${address.toString(16)} is read`);

type Answer = (number: number, args: readonly number[]) => number | 'ends';

/** The processor, for the instructions that it uses (Intel SDM, volume 2; Arm ARM, C6). Calls `answer` for each call until one ends the program. */
const runs: Readonly<Record<Architecture, (bytes: Buffer, entry: number, answer: Answer) => void>> = {
  x64: (bytes, entry, answer) => {
    const registers: number[] = Array(16).fill(0);
    const of = (register: number): number => registers[register] ?? 0;
    for (let at = entry; ;) {
      const rex = (bytes[at] ?? 0) >>> 4 === 4 ? (bytes[at++] ?? 0) : 0;
      const code = bytes[at] ?? 0;
      const [second, third, fourth] = [bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes.readInt8(at + 3)];
      if (code === 0x0f && second === 0x05) {
        const said = answer(of(0), [7, 6, 2, 10].map(of));
        if (said === 'ends') return;
        registers[0] = said;
        at += 2;
      } else if (code === 0x0f) at += 6 + ((second === 0x88 ? of(0) < 0 : of(0) <= 0) ? bytes.readInt32LE(at + 2) : 0);
      else if (code === 0x85) at += 2;
      else if (code >>> 3 === 0xb8 >>> 3) {
        registers[(code & 7) | ((rex & 1) << 3)] = bytes.readUInt32LE(at + 1);
        at += 5;
      } else {
        const index = (third >>> 3) & 7;
        const offset = second >>> 6 === 1 ? fourth : 0;
        const address = stack + (index === 4 ? 0 : of(index) * 2 ** (third >>> 6)) + offset;
        registers[((second >>> 3) & 7) | ((rex & 4) << 1)] = code === 0x8d ? address : wordAt(address);
        at += second >>> 6 === 1 ? 4 : 3;
      }
    }
  },
  arm64: (bytes, entry, answer) => {
    const registers: number[] = Array(32).fill(0);
    registers[31] = stack;
    const of = (register: number): number => registers[register] ?? 0;
    for (let at = entry; ; at += 4) {
      const code = bytes.readUInt32LE(at);
      const [to, from, immediate] = [code & 31, (code >>> 5) & 31, (code >>> 10) & 0xfff];
      const is = (what: number, mask: number): boolean => (code & mask) >>> 0 === what;
      if (code === 0xd4000001) {
        const said = answer(of(8), [0, 1, 2, 3].map(of));
        if (said === 'ends') return;
        registers[0] = said;
      } else if (is(0x54000000, 0xff000010)) {
        const met = (code & 15) === 11 ? of(0) < 0 : of(0) <= 0;
        at += met ? ((code << 8) >> 13) * 4 - 4 : 0;
      } else if (is(0xd2800000, 0xffe00000)) registers[to] = (code >>> 5) & 0xffff;
      else if (is(0xf2a00000, 0xffe00000)) registers[to] = of(to) + ((code >>> 5) & 0xffff) * 0x10000;
      else if (is(0xd1000000, 0xffc00000)) registers[to] = of(from) - immediate;
      else if (is(0x91000000, 0xffc00000)) registers[to] = of(from) + immediate;
      else if (is(0xf9400000, 0xffc00000)) registers[to] = wordAt(of(from) + 8 * immediate);
      else if (is(0x8b206c00, 0xffe0fc00)) registers[to] = of(from) + of((code >>> 16) & 31) * 8;
      else assert.equal(code, 0xf100001f);
    }
  },
};

/** The calls of each processor's table that are made, and how many arguments each has. */
const tables = {
  x64: new Map([
    [0, ['read', 3]],
    [1, ['write', 3]],
    [13, ['sigaction', 4]],
    [41, ['socket', 3]],
    [46, ['sendmsg', 3]],
    [49, ['bind', 3]],
    [50, ['listen', 2]],
    [59, ['execve', 3]],
    [231, ['exit', 1]],
    [302, ['prlimit', 4]],
    [436, ['close_range', 3]],
  ] as const),
  arm64: new Map([
    [63, ['read', 3]],
    [64, ['write', 3]],
    [134, ['sigaction', 4]],
    [198, ['socket', 3]],
    [200, ['bind', 3]],
    [201, ['listen', 2]],
    [211, ['sendmsg', 3]],
    [221, ['execve', 3]],
    [94, ['exit', 1]],
    [261, ['prlimit', 4]],
    [436, ['close_range', 3]],
  ] as const),
};

const base = 0x400000;

interface Ran {
  readonly file: Buffer;
  readonly calls: readonly (readonly [name: string, ...args: number[]])[];
}

type Answered = (name: string, index: number) => number | undefined;

const first = (architecture: Architecture): Uint8Array => firstProgram(architecture, { ports: [7420, 7421], processesCount: 4_096 });

/** Lets it run; `answered` says what a call is answered with, 1 where it says nothing. */
const run = (architecture: Architecture, answered: Answered = () => undefined, program = first(architecture)): Ran => {
  const file = Buffer.from(program);
  const calls: (readonly [name: string, ...args: number[]])[] = [];
  const table: ReadonlyMap<number, readonly [name: string, args: number]> = tables[architecture];
  runs[architecture](file, Number(file.readBigUInt64LE(24)) - base, (number, args) => {
    const [name, count] = table.get(number) ?? assert.fail(`call ${number}`);
    calls.push([name, ...args.slice(0, count)]);
    const answer = answered(name, calls.length - 1) ?? 1;
    return name === 'exit' || (name === 'execve' && answer >= 0) ? 'ends' : answer;
  });
  return { file, calls };
};

const named = ({ calls }: Ran): readonly string[] => calls.map(([name]) => name);
const lastFd = 0xffffffff;

for (const architecture of ['x64', 'arm64'] as const) {
  const ran = run(architecture);
  const { file, calls } = ran;
  const at = (address: number | undefined, bytes: number): Buffer => file.subarray((address ?? 0) - base, (address ?? 0) - base + bytes);
  const long = (address: number): number => Number(at(address, 8).readBigUInt64LE());

  test(`${architecture}: G-JAIL-1: what runs first closes what came with it, hands its sockets out, waits for the word, closes all and becomes the agent`, () => {
    const listening = ['socket', 'bind', 'listen', 'sendmsg'];
    const ofGroup = Array(7).fill('sigaction');
    assert.deepEqual(named(ran), [
      'close_range',
      ...listening,
      ...listening,
      'read',
      'close_range',
      'prlimit',
      'prlimit',
      ...ofGroup,
      'execve',
    ]);
    assert.deepEqual(
      [calls[0], calls[10]].map((call) => call?.slice(1)),
      [
        [5, lastFd, 0],
        [3, lastFd, 0],
      ],
    );
    assert.deepEqual(calls.at(-1), ['execve', 0x9000, stack + 16, stack + 8 * 5]);
  });

  test(`${architecture}: it listens on the loopback of the jail alone, and sends each socket with the message that Node's own processes send`, () => {
    for (const [index, port] of [7420, 7421].entries()) {
      const [socket, bind, listen, sendmsg] = calls.slice(1 + 4 * index);
      assert.deepEqual(socket, ['socket', 2, 1 | 0o4000, 0]);
      assert.deepEqual([bind?.[1], bind?.[3], listen?.[1]], [5 + index, 16, 5 + index]);
      assert.deepEqual([...at(bind?.[2], 8)], [2, 0, port >>> 8, port & 255, 127, 0, 0, 1]);
      assert.equal(sendmsg?.[1], 3);
      const message = sendmsg?.[2] ?? 0;
      const [part, rights] = [long(message + 16), long(message + 32)];
      assert.deepEqual([long(message + 24), long(message + 40)], [1, 24]);
      assert.equal(at(long(part), long(part + 8)).toString(), `{"cmd":"NODE_HANDLE","type":"net.Server","msg":{"port":${port}}}\n`);
      const sent = at(rights, 20);
      assert.deepEqual([long(rights), sent.readInt32LE(8), sent.readInt32LE(12), sent.readInt32LE(16)], [20, 1, 1, 5 + index]);
    }
  });

  test(`${architecture}: no image of its memory, and as many processes as it may have`, () => {
    const limits = calls.filter(([name]) => name === 'prlimit');
    assert.deepEqual(
      limits.map(([, whose, what, value = 0]) => [whose, what, long(value), long(value + 8)]),
      [
        [0, 4, 0, 0],
        [0, 6, 4_096, 4_096],
      ],
    );
  });

  test(`${architecture}: what runs around a jail ignores signals to its group before it becomes bubblewrap, and the agent has it back`, () => {
    const deaf = run(architecture, undefined, deafProgram(architecture));
    for (const [{ file: bytes, calls: made }, handler] of [
      [deaf, 1],
      [ran, 0],
    ] as const) {
      const actions = made.filter(([name]) => name === 'sigaction');
      assert.deepEqual(
        actions.map(([, signal, , old, size]) => [signal, old, size]),
        [1, 2, 3, 10, 12, 15, 20].map((signal) => [signal, 0, 8]),
      );
      for (const [, , action = 0] of actions)
        assert.deepEqual([...bytes.subarray(action - base, action - base + 32)], [handler, ...Array<number>(31).fill(0)]);
    }
    assert.deepEqual(deaf.calls.at(-1), ['execve', 0x9000, stack + 16, stack + 8 * 5]);
    assert.deepEqual(named(deaf), [...Array<string>(7).fill('sigaction'), 'execve']);
    assert.deepEqual(named(run(architecture, (name) => (name === 'execve' ? -1 : undefined), deafProgram(architecture))).slice(-2), [
      'write',
      'exit',
    ]);
  });

  test(`${architecture}: G-JAIL-4: without the word, and where a call fails, it becomes nothing and ends with 125`, () => {
    const endings = ['write', 'exit'];
    assert.deepEqual(named(run(architecture, (name) => (name === 'read' ? 0 : undefined))).slice(-3), ['read', ...endings]);
    for (const [failed, [name]] of calls.entries()) {
      const broken = run(architecture, (_, index) => (index === failed ? -1 : undefined));
      const expected = named(ran).slice(0, failed + 1);
      // Where the person's own limit is lower, it stays.
      if (failed === 12) assert.deepEqual(named(broken), named(ran), name);
      else
        assert.deepEqual(
          [named(broken), broken.calls.at(-1)],
          [
            [...expected, ...endings],
            ['exit', 125],
          ],
          name,
        );
    }
  });

  test(`${architecture}: nothing of it can be written, and no stack holds code`, () => {
    const flags = [0, 1].map((segment) => [file.readUInt32LE(64 + 56 * segment), file.readUInt32LE(68 + 56 * segment)]);
    assert.deepEqual(flags, [
      [1, 5],
      [0x6474e551, 6],
    ]);
    assert.equal(Number(file.readBigUInt64LE(64 + 32)), file.length);
  });
}
