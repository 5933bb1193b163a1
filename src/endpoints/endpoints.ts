// Where models run: which endpoints list a model, the rewriting of a name to its pin, and the forward stage.
// Connections are opened by the injected `dial` only; the simulated endpoint opens none.

import type { Candidate, UpstreamAnswer, UpstreamFailure, UpstreamRequest } from '../core/endpoint.ts';
import { applySplices } from '../core/slot.ts';
import type { Admitted, Forwarded, Recorded } from '../core/stages.ts';
import type { EndpointSettings } from './config.ts';

/** Sends one judged and recorded call. Never rejects. */
export type Transport = (upstream: UpstreamRequest) => Promise<UpstreamAnswer | UpstreamFailure>;

export interface Endpoints {
  /** Endpoints that list the model and speak the format, in the order of the config. */
  readonly candidates: (model: string, formatName: string) => readonly Candidate[];
  /** The bytes that will leave: the model's name rewritten to the pin, nothing else. */
  readonly withPin: (admitted: Admitted) => Uint8Array;
  readonly forward: (recorded: Recorded, cancel: AbortSignal) => Promise<Forwarded>;
}

export const createEndpoints = (
  settings: Readonly<Record<string, EndpointSettings>>,
  transportFor: (id: string, endpoint: EndpointSettings) => Transport,
): Endpoints => {
  const listed = Object.entries(settings).map(([id, endpoint]) => ({ id, endpoint, send: transportFor(id, endpoint) }));
  const transports = new Map(listed.map(({ id, send }) => [id, send]));
  return {
    candidates: (model, formatName) =>
      listed.flatMap(({ id, endpoint }) => {
        if (!endpoint.formats.some((format) => format === formatName)) return [];
        const found = endpoint.models.find(({ pin, also_called }) => pin === model || also_called?.includes(model));
        if (found === undefined) return [];
        const { topology, provider, region } = endpoint;
        return [{ endpoint: { id, topology, provider, region }, pin: found.pin, reports: found.reports ?? [] }];
      }),

    withPin: ({ crossing: { call }, reading, judgement }) => {
      if (call.action === 'tool_call') return call.arguments;
      if (reading === null || judgement.candidate === null || reading.model === judgement.candidate.pin) return call.body;
      return applySplices(call.body, call.format.spliceModel(reading, judgement.candidate.pin));
    },

    forward: async ({ crossing: { call }, judgement, outbound }, cancel) => {
      if (call.action === 'tool_call') return { handedOver: true };
      const { candidate } = judgement;
      const send = candidate === null ? undefined : transports.get(candidate.endpoint.id);
      if (candidate === null || send === undefined) return { failure: 'unreachable', reason: 'No endpoint was chosen.', attempts: 0 };
      return send({
        candidate,
        formatName: call.format.name,
        operation: call.operation,
        path: call.path,
        query: call.query,
        headers: call.headers,
        body: outbound,
        cancel,
      });
    },
  };
};
