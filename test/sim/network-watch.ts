// What must hold of every connection through the network door: nothing is looked up, dialled or carried without a durable permit, bytes pass as they are
// and only where the first of them ask for the right host, and what is cut carries nothing more.
// Contract: as `invariants.ts`; judged where bytes pass, against the durable records and who may cross.

import type { Crossed, Received } from '../../src/core/stages.ts';
import type { Authority, Run } from './authority.ts';
import { timersLateMs } from './authority.ts';
import type { Members } from './dialect.ts';
import { text } from './dialect.ts';
import type { DurableRecord, Evidence, Violated } from './evidence.ts';
import { permits } from './evidence.ts';
import type { Exchange } from './exchange.ts';
import type { RecordWatch } from './record-watch.ts';
import type { PlainCall, TunnelAsked, TunnelListener } from './tunnels.ts';
import { numberOfHost } from './tunnels.ts';
import { addressOf, hasTls, permitted, secondsOf } from './world.ts';

/** One connection, from acceptance to its end. */
interface View {
  readonly crossingId: string;
  readonly run: Run | null;
  readonly live: boolean;
  readonly sealed: boolean;
  readonly acceptedMs: number;
  readonly gone: AbortSignal;
  readonly sent: Uint8Array[];
  readonly received: Uint8Array[];
  readonly delivered: Uint8Array[];
  accepted: boolean;
  sought: boolean;
  dialled: boolean;
  /** Whether a side broke off by itself. */
  broke: boolean;
  readonly host: string;
  result: Crossed | null;
  plain: PlainCall | null;
}

export interface NetworkWatch extends Omit<TunnelListener, 'threw'> {
  readonly connecting: (number: number, received: Received) => void;
  readonly connected: (number: number, crossed: Crossed) => void;
  /** A record of a connection is handed over. */
  readonly appending: (body: Members) => void;
  readonly sought: (host: string) => void;
  readonly reached: (host: string, address: string) => void;
  readonly plainAsked: (call: PlainCall) => void;
  readonly plainBegan: (one: Exchange) => void;
  readonly plainWrote: (one: Exchange, bytes: Uint8Array) => void;
  readonly plainEnded: (one: Exchange) => void;
  readonly tunnel: (number: number) => TunnelAsked | undefined;
  readonly knows: (number: number) => boolean;
}

export interface NetworkWatchParts {
  readonly evidence: Evidence;
  readonly authority: Authority;
  readonly records: RecordWatch;
  readonly violated: Violated;
  readonly count: (what: string) => void;
  readonly told: (line: string) => void;
  readonly nowMs: () => number;
}

const startsWith = (all: Buffer, start: Buffer): boolean => all.subarray(0, start.length).equals(start);
const lengthOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, { length }) => sum + length, 0);
const carriesCredential = (text: string): boolean =>
  /sw_[A-Za-z0-9_-]{43}/.test(text) || /\bBasic [A-Za-z0-9+/=]{20,}/i.test(text) || text.includes('proxy-authorization');

export const createNetworkWatch = ({ evidence, authority, records, violated, count, told, nowMs }: NetworkWatchParts): NetworkWatch => {
  const views = new Map<number, View>();
  const asked = new Map<number, TunnelAsked>();

  const decisionFor = ({ crossingId }: View): DurableRecord | undefined => evidence.decisionsOf(crossingId).at(0);
  const outcomeFor = (view: View): DurableRecord | undefined => evidence.outcomesOf(String(decisionFor(view)?.body['log_id'])).at(0);

  /** Whatever leaves for a host: a question for its address, a connection, bytes. */
  const leaves = (host: string, what: string): View | null => {
    const number = numberOfHost(host);
    const view = views.get(number);
    if (view === undefined) {
      violated('no connection without a crossing', `${what} of ${host}`);
      return null;
    }
    const { run } = view;
    const decision = decisionFor(view);
    if (decision === undefined || !permits(decision)) violated('no connection without a durable intent', `${what} of connection ${number}`);
    else if ((decision.body['destination'] as { readonly name?: string }).name !== host)
      violated('the intent names the destination', `connection ${number}`);
    if (!permitted(run?.role ?? '', { host })) violated('a forbidden host is never reached', `${what} of connection ${number}`);
    if (records.isSealed() && what !== 'bytes') violated('nothing crosses after a failed sync', `${what} of connection ${number}`);
    return view;
  };

  /** Bytes of a connection pass, in either direction. */
  const passes = (number: number, view: View): void => {
    const { run } = view;
    if (run !== null && (authority.isOver(run) || authority.isStopped(run, {})))
      violated('a connection that is cut carries nothing more', `connection ${number}`);
    if (records.isKnownSealed()) violated('a connection ends when nothing can be recorded', `connection ${number}`);
    const seconds = secondsOf(run?.role ?? '');
    if (seconds !== null && nowMs() > view.acceptedMs + seconds * 1_000 + timersLateMs)
      violated('the time that a role may take ends its connections', `connection ${number}`);
  };

  const compareTunnel = ({ number, says }: TunnelAsked, view: View, clientLeft: boolean): void => {
    const outcome = outcomeFor(view)?.body;
    const isSuccess = outcome?.['success'] === true;
    if (view.dialled && outcome === undefined && !announcedIn(view)) violated('a tunnel is closed only after its outcome is durable', `connection ${number}`); // prettier-ignore
    if (!isSuccess) return;
    count('tunnel carried');
    if (outcome['bytes_sent'] !== lengthOf(view.sent)) violated('the outcome says how much a tunnel carried', `connection ${number}: ${String(outcome['bytes_sent'])} of ${lengthOf(view.sent)} bytes sent`); // prettier-ignore
    if (clientLeft) return;
    if (outcome['bytes_received'] !== lengthOf(view.received)) violated('the outcome says how much a tunnel carried', `connection ${number}: ${String(outcome['bytes_received'])} of ${lengthOf(view.received)} bytes received`); // prettier-ignore
    if (!Buffer.concat(view.delivered).equals(Buffer.concat(view.received)) || !Buffer.concat(view.sent).equals(says))
      violated('a tunnel that ended well carried everything', `connection ${number}`);
  };

  return {
    knows: (number) => views.has(number),
    connecting: (number, { crossing, claim }) => {
      told(`           connection ${number} is accepted as ${crossing.id}`);
      const run = 'credential' in claim ? authority.byCredential(claim.credential) : null;
      views.set(number, {
        crossingId: crossing.id,
        run,
        live: run !== null && authority.lives(run),
        sealed: records.isSealed(),
        acceptedMs: crossing.acceptedMs,
        gone: crossing.clientGone,
        sent: [],
        received: [],
        delivered: [],
        accepted: false,
        sought: false,
        dialled: false,
        broke: false,
        host: 'destination' in crossing.call ? (crossing.call.destination?.name ?? '') : '',
        result: null,
        plain: null,
      });
    },
    connected: (number, result) => {
      const view = views.get(number);
      if (view === undefined) return;
      view.result = result;
      const denial = result.crossed === 'refused' ? result.denial.denial : null;
      count(`connection ${denial ?? result.crossed}`);
      told(`           connection ${number} is ${denial ?? result.crossed}`);
      if (!view.live && denial !== 'unidentified') violated('no crossing is accepted after its lease ended', `connection ${number}`);
      if (view.live && !records.isStopping() && denial === 'unidentified')
        violated('a lease that lives is honoured', `connection ${number}`);
      if (view.sealed && (result.crossed !== 'refused' || view.dialled))
        violated('nothing crosses after a failed sync', `connection ${number}`);
      if (result.crossed === 'failed' && addressOf(view.host).startsWith('10.') && view.sought)
        violated('an address that is not judged well is a refusal', view.host);
      if (denial === 'outcome_unrecorded' && view.run !== null && !records.isStopping()) authority.ended(view.run.id);
      records.refused(number, view.crossingId, result, view.dialled ? 1 : 0);
      if (view.dialled && denial !== 'outcome_unrecorded' && result.crossed !== 'cut' && outcomeFor(view) === undefined)
        violated('a tunnel is closed only after its outcome is durable', `connection ${number}`);
    },
    appending: (body) => {
      if (body['kind'] !== 'outcome' || body['action_type'] !== 'network_connection') return;
      const view = [...views.values()].find(({ crossingId }) => crossingId === body['crossing_id']);
      if (view === undefined) return;
      const said = text(body['error_message']);
      if (body['success'] === true && view.broke) violated('what broke off does not succeed', view.host);
      if (body['success'] === true && view.plain !== null && view.gone.aborted)
        violated('what is stopped or has ended does not succeed', `${view.host}, whose client has left`);
      if (said === 'The connection broke off.' && !view.broke)
        violated('what the envelope ended is not blamed on the destination', view.host);
      // An envelope that stops lets go of its invocations; what is under way then ends by itself.
      if (records.isStopping()) return;
      if (body['success'] === true && (view.run?.ended === true || (view.run !== null && authority.isStopped(view.run, {}))))
        violated('what is stopped or has ended does not succeed', view.host);
      const { address } = body['destination'] as { readonly address?: unknown };
      if (body['success'] === true && !text(address).startsWith(`${addressOf(view.host)}:`))
        violated('an outcome says what happened', `${view.host}: it was at ${String(address)}`);
      if (body['duration_ms'] !== Math.round(nowMs() - view.acceptedMs))
        violated('an outcome says what happened', `${view.host}: how long it took`);
    },
    broke: (number) => {
      const view = views.get(number);
      if (view !== undefined) view.broke = true;
    },
    sought: (host) => {
      const view = leaves(host, 'the name');
      if (view !== null) view.sought = true;
    },
    reached: (host, address) => {
      const view = leaves(host, 'the address');
      if (address.startsWith('10.')) violated('only an address that was judged is reached', host);
      if (view === null) return;
      view.dialled = true;
      const seconds = secondsOf(view.run?.role ?? '');
      if (seconds !== null && nowMs() >= view.acceptedMs + seconds * 1_000) violated('what is late is not begun', `${host} is dialled`);
      if (view.run !== null && (authority.isOver(view.run) || authority.isStopped(view.run, {})))
        violated('what is stopped or has ended sends nothing', `${host} is dialled`);
    },
    tunnelOpened: (number) => {
      const view = views.get(number);
      if (view !== undefined) view.accepted = true;
    },
    tunnelRefused: (number, headers) => {
      const view = views.get(number);
      const named = headers['x-sealwright-record'];
      if (named !== undefined && evidence.record(named)?.body['crossing_id'] !== view?.crossingId)
        violated('a record that is named to the caller is durable', `connection ${number}, ${named}`);
      if (view?.accepted === true) violated('a tunnel that is open is not refused', `connection ${number}`);
    },
    asksFor: (tunnel) => void asked.set(tunnel.number, tunnel),
    tunnel: (number) => asked.get(number),
    toPeer: ({ number, host, deceives, says }, bytes) => {
      const view = leaves(host, 'bytes');
      if (view === null) return;
      passes(number, view);
      if (!view.accepted) violated('a tunnel is open before it carries', `connection ${number}`);
      view.sent.push(bytes);
      if (hasTls(host) && deceives) violated('a tunnel to another name than it asks for carries nothing', `connection ${number}`);
      if (!startsWith(Buffer.from(says), Buffer.concat(view.sent))) violated('a tunnel carries bytes as they are', `connection ${number}`);
    },
    fromPeer: (number, bytes) => void views.get(number)?.received.push(bytes),
    toClient: (number, bytes) => {
      const view = views.get(number);
      if (view === undefined) return;
      // A fatal alert is what a client of TLS is told of a refusal.
      if (bytes[0] === 21 && view.result?.crossed === 'refused') return;
      view.delivered.push(bytes);
      if (!startsWith(Buffer.concat(view.received), Buffer.concat(view.delivered)))
        violated('a tunnel carries bytes as they are', `connection ${number}, to the agent`);
    },
    leftHanging: (number) => violated('a tunnel that is over is closed', `connection ${number}`),
    tunnelOver: (tunnel, clientLeft) => {
      const view = views.get(tunnel.number);
      if (view !== undefined && view.result !== null) compareTunnel(tunnel, view, clientLeft);
    },
    plainAsked: (call) => {
      const { outbound } = call;
      const host = outbound.origin.hostname;
      const view = leaves(host, 'bytes');
      if (view === null) return;
      view.plain = call;
      passes(numberOfHost(host), view);
      if (carriesCredential(JSON.stringify([outbound.headers, outbound.path])))
        violated("the caller's credential is never forwarded", `connection ${numberOfHost(host)}`);
    },
    plainBegan: (one) => {
      const named = one.headers['x-sealwright-record'];
      if (named !== undefined && evidence.record(named) === undefined)
        violated('a record that is named to the caller is durable', `connection ${one.number}, ${named}`);
    },
    plainWrote: (one, bytes) => {
      const view = views.get(one.number);
      const call = view?.plain;
      if (view === undefined || call === null || call === undefined || one.headers['x-sealwright-denial'] !== undefined) return;
      if (view.result !== null) return;
      passes(one.number, view);
      view.delivered.push(bytes);
      if (!startsWith(Buffer.concat(call.sent), Buffer.concat(view.delivered)))
        violated('a plain answer is released byte for byte', `connection ${one.number}`);
    },
    plainEnded: (one) => {
      const view = views.get(one.number);
      const call = view?.plain;
      if (view === undefined || call === null || call === undefined) return;
      const { path, headers } = call.outbound;
      const asked = `${new URL(one.path).pathname}${one.query === '' ? '' : `?${one.query}`}`;
      if (path !== asked || call.outbound.method !== one.method || !one.path.startsWith('http://'))
        violated('a plain request is sent as it was judged', `connection ${one.number}: ${path} and not ${asked}`);
      if (headers['connection'] !== undefined || headers['x-hop'] !== undefined)
        violated('what is meant for the proxy does not travel on', `connection ${one.number}`);
      if (!call.outbound.body.every((byte, at) => byte === one.body[at]) || call.outbound.body.length !== one.body.length)
        violated('a plain request is sent as it was judged', `connection ${one.number}`);
      const outcome = outcomeFor(view)?.body;
      const isDenied = one.headers['x-sealwright-denial'] !== undefined;
      if (view.result?.crossed === 'cut' && one.state === 'ended')
        violated('an answer that is not whole does not end as if it were', `connection ${one.number}`);
      if (one.state !== 'ended' || isDenied || view.result?.crossed !== 'answered') return;
      count('plain request carried');
      if (outcome === undefined) return violated('an answer ends only after its outcome is durable', `connection ${one.number}`);
      if (!call.isWhole || outcome['success'] !== true)
        violated('an answer that is not whole does not end as if it were', `connection ${one.number}`);
      if (
        outcome['bytes_received'] !== lengthOf(call.sent) ||
        outcome['upstream_status'] !== call.status ||
        outcome['bytes_sent'] !== one.body.length
      )
        // prettier-ignore
        violated('an outcome says what happened', `connection ${one.number}`);
    },
  };
};

const announcedIn = ({ result }: View): boolean => result?.crossed === 'refused' && result.denial.denial === 'outcome_unrecorded';
