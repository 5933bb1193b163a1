// Must compile: the same calls as in `skipped-stage.ts`, none of which skips a stage.
// Without this control a broken set-up would look like a success.

import type { Admitted, Decided, Identified, Inspected, Read, Received, Recorded, Stages, Transformed } from '../../src/core/stages.ts';

export const following = (
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
  stages.identify(received);
  stages.read(identified);
  stages.inspect(read);
  stages.decide(inspected);
  stages.rememberDenied(decided);
  stages.admit(decided);
  stages.transformOut(admitted);
  void stages.recordIntent(transformed);
  void stages.forward(recorded, cancel);
};
