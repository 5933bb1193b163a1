// Bugs that are put into a file of `src/` while it is loaded, each of which a run must find: a search that finds nothing shows nothing.
// Contract: `right` stands in the file exactly once; whoever changes that line changes the row. Nothing here reaches a file on disk.

export interface PlantedBug {
  readonly name: string;
  readonly target: string;
  /** Below the project. */
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'a member name that stands twice is taken',
    target: 'json',
    file: 'src/wire/json.ts',
    right: 'if (isRepeated(members, names, name)) {',
    wrong: 'if (false) {',
  },
  {
    name: 'white space is walked for ever',
    target: 'json',
    file: 'src/wire/json.ts',
    right: '0x09)) break;\n    at++;',
    wrong: '0x09)) break;',
  },
  {
    name: 'where a line of an event begins is off by one',
    target: 'sse',
    file: 'src/wire/sse.ts',
    right: 'lineAt = scanned;',
    wrong: 'lineAt = scanned - 1;',
  },
  {
    name: 'the end of an event that two chunks share is missed',
    target: 'sse',
    file: 'src/wire/sse.ts',
    right: 'scanned = feed === -1 ? pending.length : feed + 1;',
    wrong: 'scanned = feed === -1 ? pending.length + 1 : feed + 1;',
  },
  {
    name: 'a type that differs from a known one only by letter case passes',
    target: 'anthropic-messages-answer',
    file: 'src/wire/anthropic-messages-names.ts',
    right: "if (isLookalikeType(type)) return 'a type differs from a known one only by letter case';",
    wrong: '',
  },
  {
    name: 'a chunk that holds one call passes as it is',
    target: 'gemini-stream',
    file: 'src/wire/gemini-stream.ts',
    right: 'if (answer.calls.length > 0) return judged(',
    wrong: 'if (answer.calls.length > 1) return judged(',
  },
  {
    name: 'a slot that is found again stands one byte further on',
    target: 'openai-responses-request',
    file: 'src/wire/reading.ts',
    right: 'start: slot.start + by,',
    wrong: 'start: slot.start + by + 1,',
  },
  {
    name: 'a signature is only measured',
    target: 'note',
    file: 'src/ledger/note.ts',
    right: 'if (!known.verify(note.text, signature))',
    wrong: 'if (signature.length !== 64)',
  },
  {
    name: 'bytes behind the last entry of a bundle are passed over',
    target: 'tiles',
    file: 'src/ledger/tiles.ts',
    right: 'return offset === bundle.length ? entries',
    wrong: 'return offset <= bundle.length ? entries',
  },
  {
    name: 'bytes between two batches are passed over',
    target: 'journal',
    file: 'src/ledger/batch.ts',
    right: 'if (buffer.subarray(trailer + trailerBytes, at + bytes).some((byte) => byte !== 0)) {',
    wrong: 'if (false) {',
  },
  {
    name: 'a number of an address may begin with a zero',
    target: 'destination',
    file: 'src/core/destination.ts',
    right: '/^(?:0|[1-9]\\d?|1\\d\\d|',
    wrong: '/^(?:\\d\\d?|[01]\\d\\d|',
  },
  {
    name: 'a filter whose name is not UTF-8 is overruled under another name',
    target: 'git-settings',
    file: 'src/runner/git-settings.ts',
    right: 'return isUtf8(bytes) && ',
    wrong: 'return ',
  },
];
