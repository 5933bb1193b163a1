// All that is watched over one run, as one listener: model requests, connections, records, and who may cross.
// Contract: only hands on; the rules stand in `invariants.ts`, `network-watch.ts`, `record-watch.ts`, `authority.ts` and `evidence.ts`.

import type { Receipt, RecordBody, RecordRefusal } from '../../src/core/receipt.ts';
import type { Crossed, Received } from '../../src/core/stages.ts';
import type { StopScope } from '../../src/core/stop.ts';
import type { Proof, Run } from './authority.ts';
import { createAuthority } from './authority.ts';
import { createCauses } from './causes.ts';
import type { Evidence, Violated } from './evidence.ts';
import type { ExchangeListener } from './exchange.ts';
import { createModelInvariants, numberIn } from './invariants.ts';
import type { Moment, Moments } from './moments.ts';
import type { NetworkWatch } from './network-watch.ts';
import { createNetworkWatch } from './network-watch.ts';
import type { RecordWatch } from './record-watch.ts';
import { createRecordWatch } from './record-watch.ts';
import type { TunnelListener } from './tunnels.ts';
import type { UpstreamCall } from './upstream.ts';

export interface WatchParts {
  readonly evidence: Evidence;
  readonly violated: Violated;
  readonly count: (what: string) => void;
  readonly told: (line: string) => void;
  readonly nowMs: () => number;
  readonly saw: Moments['saw'];
  readonly digestKey: (invocationId: string) => Uint8Array | undefined;
}

export interface Watch
  extends Omit<ExchangeListener, 'threw'>, TunnelListener, Omit<RecordWatch, 'refused' | 'appending' | 'sent' | 'outcomeSays'> {
  readonly opened: (
    run: Pick<Run, 'id' | 'credential' | 'role' | 'client' | 'userId' | 'session'> & { readonly runnerKey: string },
  ) => void;
  readonly renewed: (id: string, runnerKey: string | null, prove: boolean) => void;
  /** The runner was told that the lease had ended. */
  readonly notRenewed: (id: string, runnerKey: string | null) => void;
  readonly notProved: (
    run: { readonly id: string; readonly runnerKey: string | null },
    by: Pick<Proof, 'groups'> & { readonly userId: string },
  ) => void;
  readonly opening: (wanted: Pick<Run, 'role' | 'client' | 'userId' | 'session'>) => void;
  readonly proved: (
    run: { readonly id: string; readonly runnerKey: string | null },
    by: Omit<Proof, 'id'> & { readonly userId: string },
  ) => void;
  /** `closed`: the one who asked for it was told that the run is closed. */
  readonly runEnded: (id: string, runnerKey: string | null, closed: boolean) => void;
  readonly signedOut: (session: string) => void;
  readonly pulled: (scope: StopScope) => void;
  readonly accepted: (number: number, received: Received) => void;
  readonly crossed: (number: number, crossed: Crossed) => void;
  readonly upstreamCalled: (call: UpstreamCall) => void;
  readonly appending: (body: RecordBody) => void;
  readonly appended: (body: RecordBody, result: Receipt | RecordRefusal) => void;
  readonly network: Pick<NetworkWatch, 'sought' | 'reached' | 'plainAsked' | 'tunnel'>;
  /** Invocations that were ever opened. */
  readonly runs: () => readonly Pick<Run, 'id' | 'session'>[];
}

export const createWatch = (parts: WatchParts): Watch => {
  const { evidence, violated, count, nowMs, saw } = parts;
  const authority = createAuthority(evidence, violated, nowMs);
  const records = createRecordWatch({ ...parts, authority });
  const model = createModelInvariants({ ...parts, authority, records });
  const network = createNetworkWatch({ ...parts, authority, records });
  const causes = createCauses({ authority, violated });
  const runnerKeys = new Map<string, string>();
  const ids: string[] = [];
  /** Whether the client of a call has left: its own word, whatever the envelope made of it. */
  const leaving = new Map<number, AbortController>();
  const goneOf = (number: number): AbortController => {
    const gone = leaving.get(number) ?? new AbortController();
    leaving.set(number, gone);
    return gone;
  };
  const onlyItsRunner = (id: string, runnerKey: string | null): boolean => runnerKeys.get(id) === runnerKey;
  return {
    ...records,
    asksFor: network.asksFor,
    toPeer: network.toPeer,
    fromPeer: network.fromPeer,
    toClient: network.toClient,
    tunnelOpened: network.tunnelOpened,
    tunnelRefused: network.tunnelRefused,
    tunnelOver: network.tunnelOver,
    leftHanging: network.leftHanging,
    broke: network.broke,
    network,
    runs: () => ids.flatMap((id) => authority.byId(id) ?? []),
    opened: ({ runnerKey, ...run }) => {
      runnerKeys.set(run.id, runnerKey);
      ids.push(run.id);
      authority.opened(run);
    },
    renewed: (id, runnerKey, prove) => {
      if (!onlyItsRunner(id, runnerKey)) violated('only its runner renews, proves and closes a run', id);
      authority.renewed(id, prove);
    },
    notRenewed: (id, runnerKey) => {
      if (onlyItsRunner(id, runnerKey) && !records.isStopping()) authority.notRenewed(id);
    },
    notProved: ({ id, runnerKey }, { userId, groups }) => {
      if (authority.byId(id)?.userId === userId && onlyItsRunner(id, runnerKey)) authority.notProved(id, groups);
    },
    opening: authority.opening,
    proved: ({ id, runnerKey }, { userId, ...proof }) => {
      if (authority.byId(id)?.userId !== userId || !onlyItsRunner(id, runnerKey))
        violated('only its runner renews, proves and closes a run', `${id} by ${userId}`);
      count('proved again');
      authority.proved({ id, ...proof });
    },
    runEnded: (id, runnerKey, closed) => {
      if (onlyItsRunner(id, runnerKey)) authority.ended(id);
      else if (closed) violated('only its runner renews, proves and closes a run', id);
    },
    signedOut: (session) => {
      count('signed out');
      authority.signedOut(session);
    },
    pulled: (scope) => {
      count('stop pulled');
      authority.pulled(scope);
    },
    accepted: (number, received) => {
      return received.crossing.call.action === 'network_connection'
        ? network.connecting(number, received)
        : model.accepted(number, received, goneOf(number).signal);
    },
    crossed: (number, crossed) => (network.knows(number) ? network.connected(number, crossed) : model.crossed(number, crossed)),
    upstreamCalled: (call) => {
      model.upstreamCalled(call);
      saw('sent', model.runOf(numberIn(call.outbound.body)));
    },
    appending: (body) => {
      const run = authority.byId(body['invocation_id']);
      if (body.kind === 'decision' && body['denial'] === undefined) saw(body['action_type'] as Moment, run);
      else if (body.kind === 'opened' || body.kind === 'outcome' || body.kind === 'closed' || body.kind === 'change') saw(body.kind, run);
      records.appending(body);
      causes.appending(body);
      model.appending(body);
      network.appending(body);
    },
    began: (one) => (one.dialect === null ? network.plainBegan(one) : model.began(one)),
    appended: (body, result) => {
      records.appended(body, result);
      model.appended(body, result);
    },
    wrote: (one, bytes) => {
      if (one.dialect === null) return network.plainWrote(one, bytes);
      model.wrote(one, bytes);
      saw('released', model.runOf(one.number));
    },
    readsBody: (one, holder) => {
      if (holder === null || authority.byId(holder) === null) violated('the body of a stranger is not read', `call ${one.number}`);
      else records.brings(one, holder);
    },
    ended: (one) => (one.dialect === null ? network.plainEnded(one) : model.ended(one)),
    left: ({ number }) => goneOf(number).abort(),
    threw: ({ number }, error) => violated('nothing throws', `call ${number}: ${error instanceof Error ? error.stack : String(error)}`),
  };
};
