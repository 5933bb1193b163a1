// Must not compile: each marked line hands a stage a crossing that skipped the one before it.
// `test/stages.test.ts` compares the compiler's complaints with the marks. Not part of the project's own type check.

import type { Admitted, Decided, Identified, Inspected, Read, Received, Recorded, Stages, Transformed } from '../../src/core/stages.ts';

export const skipping = (
  stages: Stages,
  received: Received,
  identified: Identified,
  read: Read,
  inspected: Inspected,
  decided: Decided,
  admitted: Admitted,
  transformed: Transformed,
  recorded: Recorded,
  cancel: AbortSignal,
): void => {
  stages.read(received); // does not compile
  stages.inspect(identified); // does not compile
  stages.decide(read); // does not compile
  stages.rememberDenied(inspected); // does not compile
  stages.admit(inspected); // does not compile
  stages.transformOut(decided); // does not compile
  void stages.recordIntent(admitted); // does not compile
  void stages.forward(transformed, cancel); // does not compile
  void stages.forward({ ...transformed, intent: recorded.intent }, cancel); // does not compile
};
