// What becomes of a connection: a tunnel is joined until it is over, the answer to a plain request passes as it comes.
// Exactly one outcome is recorded, durable before the tunnel is closed and before the end of an answer is released.

import type { NetworkCall, PlainRequest, Tunnel } from '../core/crossing.ts';
import type { Denial } from '../core/denial.ts';
import { sentenceOf } from '../core/denial.ts';
import type { UpstreamAnswer, UpstreamFailure } from '../core/endpoint.ts';
import type { Crossed, Ending, Reached, Recorded } from '../core/stages.ts';
import type { Concluding } from './ending.ts';
import { brokenSentence, endUndelivered, recordEnding, refused, writeWithin } from './ending.ts';

export const concludeConnection = async (
  recorded: Recorded,
  { carrying }: NetworkCall,
  forwarded: Reached | UpstreamAnswer,
  concluding: Concluding,
): Promise<Crossed> => {
  if ('stream' in forwarded && carrying.carries === 'tunnel') return concludeTunnel(recorded, carrying, forwarded, concluding);
  if ('status' in forwarded && carrying.carries === 'http') return concludePlain(recorded, carrying, forwarded, concluding);
  throw new Error('a connection was forwarded as another than it is');
};

/** The address of a destination is judged after its name was permitted, and the agent is told so as of any other refusal. */
export const refusedAddress = ({ crossing }: Recorded, { failure, reason }: UpstreamFailure): Denial | null =>
  crossing.call.action === 'network_connection' && failure === 'address_refused'
    ? { denial: 'not_permitted', problem: `${reason.charAt(0).toLowerCase()}${reason.slice(1).replace(/\.$/, '')}` }
    : null;

const CONNECTED = 200;

const concludeTunnel = async (
  recorded: Recorded,
  { join }: Tunnel,
  { stream, address }: Reached,
  { stages, delivery, deadline }: Concluding,
): Promise<Crossed> => {
  const { terms } = recorded.judgement;
  if (terms === undefined) throw new Error('a tunnel without terms');
  delivery.begin(CONNECTED, {});
  const { bytesSent, bytesReceived, denial: own, broken } = await join(stream, terms, deadline.signal);
  const denial = deadline.denial() ?? own;
  const message = denial === null ? (broken ? 'The connection broke off.' : null) : sentenceOf(denial);
  const ending = { ...nothingKnown, address, bytesSent, bytesReceived, success: message === null, errorMessage: message };
  if (denial !== null) return endUndelivered(recorded, ending, denial, stages);
  const recording = await recordEnding(recorded, ending, stages);
  return 'denial' in recording ? refused(recorded, recording, null) : { crossed: 'answered', recordId: recording.recordId };
};

const concludePlain = async (
  recorded: Recorded,
  { method }: PlainRequest,
  answer: UpstreamAnswer,
  concluding: Concluding,
): Promise<Crossed> => {
  const { stages, delivery, deadline } = concluding;
  let bytesReceived = 0;
  let message: string | null = null;
  // Without a length of its own the answer is whole only where we end it.
  const { 'content-length': length, ...others } = answer.headers;
  const headers = method === 'HEAD' && length !== undefined ? answer.headers : others;
  delivery.begin(answer.status, withoutOurs(headers), answer.cookies);
  try {
    for await (const chunk of answer.body) {
      bytesReceived += chunk.length;
      await writeWithin(concluding, chunk);
      if (deadline.signal.aborted) break;
    }
  } catch {
    message = brokenSentence(recorded);
  }
  const denial = deadline.denial();
  if (denial !== null) message = sentenceOf(denial);
  else if (recorded.crossing.clientGone.aborted) message = brokenSentence(recorded);
  const { status, address, attempts } = answer;
  const known = { status, address, attempts, bytesSent: recorded.outbound.length, bytesReceived };
  const recording = await recordEnding(recorded, { ...nothingKnown, ...known, success: message === null, errorMessage: message }, stages);
  return message !== null || 'denial' in recording ? { crossed: 'cut' } : { crossed: 'answered', recordId: recording.recordId };
};

/** What only we say, nobody else may. */
const withoutOurs = (headers: UpstreamAnswer['headers']): UpstreamAnswer['headers'] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-sealwright-')));

const nothingKnown: Omit<Ending, 'success' | 'errorMessage' | 'bytesSent'> = {
  facts: null,
  status: null,
  address: null,
  attempts: 1,
  bytesReceived: 0,
  responseDigest: null,
  toolsCalled: [],
  toolCallsRefused: 0,
};
