// A question of the benchmarks: a name, and how it is answered. The answer is JSON that goes into the results as it is; the page reads it from there.

export interface Settings {
  /** Few and short rounds, which show that everything works and say little else. */
  readonly quick: boolean;
  /** Progress, a line each. */
  readonly say: (line: string) => void;
}

export interface Question {
  readonly name: string;
  readonly ask: (settings: Settings) => Promise<object>;
}
