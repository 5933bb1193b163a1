// Tests whose bodies run in a thread of their own: the runner keeps books on every promise of its own thread, which is a fifth of the work
// where a test is made of promises. A test file takes `inThread(import.meta.url)` in place of `test`; the thread loads the same file.
// Contract: bodies run one at a time, and what one throws fails its test. One that takes too long ends with the thread; the next gets a new one.

import { test } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

type Body = () => Promise<void>;

/** What a body came to. */
interface Ended {
  readonly thrown?: unknown;
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
const tell = (to: { readonly postMessage: (message: unknown) => void } | null, message: unknown): void => to?.postMessage(message);

const answerCalls = (bodies: ReadonlyMap<string, Body>): void => {
  parentPort?.on('message', (name: string) => {
    const body = bodies.get(name) ?? (() => Promise.reject(new Error(`no test here has the name ${name}`)));
    body().then(
      () => tell(parentPort, {}),
      (thrown: unknown) => tell(parentPort, { thrown }),
    );
  });
};

/** Rejects when the thread comes to its end instead, by itself or because it is `late`. */
const runIn = (thread: Worker, name: string, late: AbortSignal): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const over = new AbortController();
    const settle = (run: () => void): void => {
      over.abort();
      thread.off('message', answered).off('error', failed).off('exit', gone).unref();
      run();
    };
    const answered = (ended: Ended): void => settle(() => resolve(ended));
    const failed = (error: unknown): void => settle(() => reject(error));
    const gone = (code: number): void => failed(new Error(`the thread of the tests ended with ${code}`));
    thread.on('message', answered).on('error', failed).on('exit', gone).ref();
    // The runner aborts the signal after every test, too.
    late.addEventListener('abort', () => failed(new Error('the test took too long')), { signal: over.signal });
    tell(thread, name);
  });

/** As `test`, for the tests of the file at `url`. */
export const inThread = (url: string): ((name: string, body: Body) => void) => {
  if (!isMainThread && workerData === url) {
    const bodies = new Map<string, Body>();
    answerCalls(bodies);
    return (name, body) => void bodies.set(name, body);
  }
  let thread: Worker | null = null;
  return (name) => {
    test(name, async ({ signal }) => {
      const own = (thread ??= new Worker(new URL(url), { workerData: url }));
      const ended = await runIn(own, name, signal).catch((error: unknown) => {
        thread = null;
        void own.terminate();
        throw error;
      });
      if ('thrown' in ended) throw ended.thrown;
    });
  };
};
