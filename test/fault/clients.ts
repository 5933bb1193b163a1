// Clients of an envelope that may vanish at any moment: they call a model, streamed or not, and keep a tunnel.
// Contract: what each got is told, and nothing is thrown; only `openTunnelIn` insists.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connectRequest } from '../envelope/proxy-client.ts';
import type { Up } from './up.ts';
import { begun, word, type World } from './world.ts';

/** What a call came to. */
export interface Got {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** What the model called its answer; empty where it gave none. */
  readonly id: string;
  /** The code of a denial, whether it stands in the head or in the stream. */
  readonly denial: string | null;
  /** Whether the answer came to its own end: the last byte that was announced, or the last event of a stream. */
  readonly whole: boolean;
}

export interface Asking {
  readonly stream: boolean;
  readonly text: string;
}

/** Null where no answer came at all, which is what a caller sees of an envelope that was killed. */
export const ask = async ({ doors }: Pick<Up, 'doors'>, credential: string, { stream, text }: Asking): Promise<Got | null> => {
  let response: Response;
  try {
    response = await fetch(`${doors.model}/anthropic/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': credential, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'pinned-1', max_tokens: 9, stream, messages: [{ role: 'user', content: text }] }),
    });
  } catch {
    return null;
  }
  const { status, headers } = response;
  const { said, ended } = await readAll(response);
  const inStream = said.includes('its outcome could not be recorded') ? 'outcome_unrecorded' : null;
  return {
    status,
    headers,
    text: said,
    id: headers.get('request-id') ?? '',
    denial: headers.get('x-sealwright-denial') ?? (status === 200 ? inStream : null),
    whole: ended && (!stream || status !== 200 || said.includes('event: message_stop')),
  };
};

const readAll = async ({ body }: Response): Promise<{ readonly said: string; readonly ended: boolean }> => {
  const decoder = new TextDecoder();
  let said = '';
  try {
    for await (const chunk of body ?? []) said += decoder.decode(chunk as Uint8Array, { stream: true });
    return { said, ended: true };
  } catch {
    return { said, ended: false };
  }
};

export const quietSocket = (url: string): Socket => {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => undefined);
  return socket;
};

/** A tunnel that is open, or the head of the answer that refused it; null where there was none. */
export const openTunnel = async (up: Pick<Up, 'doors'>, credential: string, port: number): Promise<Socket | string | null> => {
  const socket = quietSocket(up.doors.network);
  socket.write(connectRequest(`127.0.0.1:${port}`, credential));
  const head = await Promise.race([
    once(socket, 'data').then(([bytes]) => String(bytes)),
    once(socket, 'close').then(() => ''),
    once(socket, 'end').then(() => ''),
  ]).catch(() => '');
  if (head.startsWith('HTTP/1.1 200 ')) return socket;
  socket.destroy();
  return head === '' ? null : head;
};

/** Says something through a tunnel and ends it; whether all of it came back, and then the end. */
export const talk = async (socket: Socket, words: string): Promise<boolean> => {
  let heard = '';
  socket.on('data', (bytes: Buffer) => void (heard += bytes.toString()));
  socket.end(words);
  await Promise.race([once(socket, 'end'), once(socket, 'close')]).catch(() => undefined);
  socket.destroy();
  return heard === words;
};

/** A tunnel that works. */
export const openTunnelIn = async (up: Up, credential: string, world: World): Promise<Socket> => {
  const tunnel = await openTunnel(up, credential, world.host.port);
  assert.ok(tunnel !== null && typeof tunnel !== 'string', typeof tunnel === 'string' ? tunnel : 'no answer');
  tunnel.write('word');
  assert.equal(String((await once(tunnel, 'data'))[0]), 'word');
  return tunnel;
};

/** A model that begins to answer and goes on when it is told to. */
export const answersHeld = ({ upstream }: World): ServerResponse[] => {
  const held: ServerResponse[] = [];
  upstream.answer = (_message, body, response) => {
    response.setHeader('request-id', `req_${held.length}`);
    response.setHeader('content-type', body.includes('"stream":true') ? 'text/event-stream' : 'application/json');
    if (body.includes('"stream":true')) response.write(begun(`req_${held.length}`) + word('so far'));
    held.push(response);
  };
  return held;
};
