// The body of one request: read as it comes, bounded, and counted before it is read. Never rejects; why there is none is a denial.
// What was announced is counted at once, what was not as it comes; whoever counts gives back.

import type { IncomingMessage } from 'node:http';
import type { Denial } from '../core/denial.ts';
import type { Incoming } from '../core/http.ts';
import { limits } from '../core/limits.ts';

export type BodyLimit = 'requestBodyBytes' | 'controlBodyBytes';

export const brokenOff: Denial = { denial: 'malformed', problem: 'the body broke off' };

/** Resolves with the whole body, or with why there is none. `reserve` counts bytes against the memory for bodies. */
export const readBody = (message: IncomingMessage, limit: BodyLimit, reserve: Incoming['reserve']): Promise<Uint8Array | Denial> => {
  const bytesMax = limits[limit];
  const tooLarge: Denial = { denial: 'too_large', limit };
  const declared = Number(message.headers['content-length'] ?? 0);
  if (declared > bytesMax) return Promise.resolve(tooLarge);
  // What is announced is taken at once: many that come bit by bit would each get a part, and none all of it.
  const refused = reserve(limits.requestOverheadBytes + declared);
  if (refused !== null) return Promise.resolve(refused);
  const chunks: Uint8Array[] = [];
  let size = 0;
  let granted = declared;
  const grant = (bytes: number): Denial | null => {
    const against = bytes > granted ? reserve(bytes - granted) : null;
    if (against === null) granted = Math.max(granted, bytes);
    return against;
  };
  return new Promise((resolve) => {
    const done = (body: Uint8Array | Denial): void => {
      message.off('data', take).off('end', whole).off('close', broken);
      resolve(body);
    };
    const take = (chunk: Uint8Array): void => {
      size += chunk.length;
      const against = size > bytesMax ? tooLarge : grant(size);
      if (against === null) return void chunks.push(chunk);
      message.pause();
      done(against);
    };
    const whole = (): void => done(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size));
    const broken = (): void => done(brokenOff);
    if (message.destroyed) return broken();
    message
      .on('error', () => undefined)
      .on('close', broken)
      .on('end', whole)
      .on('data', take);
  });
};
