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

export const streamShapes = {
  /** As a model does: an event a chunk, some 23 of them every 5 ms. */
  paced: { chunkBytes: 'event', overMs: 1_500, bursts: 300 },
  /** The same at an eighth of the speed, for many at once. */
  slow: { chunkBytes: 'event', overMs: 12_000, bursts: 300 },
  events: { chunkBytes: 'event', overMs: 0, bursts: 16 },
  pieces: { chunkBytes: 16 * KIB, overMs: 0, bursts: 16 },
} as const satisfies Readonly<Record<string, StreamShape>>;

export type ShapeName = keyof typeof streamShapes;

export const isShapeName = (name: string): name is ShapeName => Object.hasOwn(streamShapes, name);
