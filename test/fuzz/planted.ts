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
    name: 'a name that stands twice is taken',
    target: 'json',
    file: 'src/wire/json.ts',
    right: 'if (isRepeated(members, names, name)) {',
    wrong: 'if (false) {',
  },
];
