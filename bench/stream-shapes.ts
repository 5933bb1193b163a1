// The ways in which the upstream of bench/stream.ts sends the same bytes, and which bytes those are.

export const STREAM_SEED = 1;
export const STREAM_BYTES = 1_000_000;

export interface StreamShape {
  /** Length of an HTTP chunk; `event` for one that is as long as its event. */
  readonly chunkBytes: number | 'event';
  /** How long the whole takes; 0 for as fast as it can. */
  readonly overMs: number;
  /** How often it writes. */
  readonly bursts: number;
}

const KIB = 1024;

/** An event a chunk, and a write every 5 ms. */
const over = <Ms extends number>(overMs: Ms) => ({ chunkBytes: 'event', overMs, bursts: overMs / 5 }) as const;

export const streamShapes = {
  over1500ms: over(1_500),
  over600ms: over(600),
  over300ms: over(300),
  over150ms: over(150),
  over75ms: over(75),
  over40ms: over(40),
  over20ms: over(20),
  /** For many at once. */
  slow: { chunkBytes: 'event', overMs: 12_000, bursts: 300 },
  events: { chunkBytes: 'event', overMs: 0, bursts: 16 },
  pieces: { chunkBytes: 16 * KIB, overMs: 0, bursts: 16 },
} as const satisfies Readonly<Record<string, StreamShape>>;

export type ShapeName = keyof typeof streamShapes;

export const isShapeName = (name: string): name is ShapeName => Object.hasOwn(streamShapes, name);
