// Where models run: which endpoints list a model, the rewriting of a name to its pin, and the forward stage.
// Connections are opened by the injected `dial` only; the simulated endpoint opens none.

import type { Candidate, UpstreamAnswer, UpstreamFailure, UpstreamRequest } from '../core/endpoint.ts';
import type { Splice } from '../core/slot.ts';
import type { Admitted, Forwarded, Recorded } from '../core/stages.ts';
import type { EndpointSettings } from './config.ts';
import { priceOf } from './config.ts';
import type { Retrying } from './retry.ts';
import { sendAgain } from './retry.ts';

/** Sends one judged and recorded call. Never rejects. */
export type Transport = (upstream: UpstreamRequest) => Promise<UpstreamAnswer | UpstreamFailure>;

export interface Endpoints {
  /** Endpoints that list the model and speak the format, in the order of the config. */
  readonly candidates: (model: string, formatName: string) => readonly Candidate[];
  /** Rewrites the model's name to the pin in the bytes that will leave. */
  readonly splicePin: (admitted: Admitted) => readonly Splice[];
  /** What any of the formats could call, in the order of the config, each pin of an endpoint once. */
  readonly listed: (formatNames: readonly string[]) => readonly Candidate[];
  readonly forward: (recorded: Recorded, cancel: AbortSignal) => Promise<Forwarded>;
}

const candidateOf = (
  id: string,
  { topology, provider, region, streaming }: EndpointSettings,
  model: EndpointSettings['models'][number],
): Candidate => ({
  endpoint: { id, topology, provider, region, streaming },
  pin: model.pin,
  reports: model.reports ?? [],
  ...(model.price !== undefined && { price: priceOf(model.price) }),
});

/** Each name that a client may use for a model, with the pin that it stands for. */
export const pinsByName = (settings: Readonly<Record<string, Pick<EndpointSettings, 'models'>>>): ReadonlyMap<string, string> =>
  new Map(
    Object.values(settings).flatMap(({ models }) =>
      models.flatMap(({ pin, also_called: others = [] }) => [pin, ...others].map((name) => [name, pin] as const)),
    ),
  );

export const createEndpoints = (
  settings: Readonly<Record<string, EndpointSettings>>,
  transportFor: (id: string, endpoint: EndpointSettings) => Transport,
  retrying: Retrying,
): Endpoints => {
  const listed = Object.entries(settings).map(([id, endpoint]) => ({
    endpoint,
    models: endpoint.models.map((model) => ({ ...model, candidate: candidateOf(id, endpoint, model) })),
  }));
  const transports = new Map(Object.entries(settings).map(([id, endpoint]) => [id, transportFor(id, endpoint)]));
  return {
    candidates: (model, formatName) => {
      const candidates: Candidate[] = [];
      for (const { endpoint, models } of listed) {
        if (!endpoint.formats.some((format) => format === formatName)) continue;
        const found = models.find(({ pin, also_called }) => pin === model || also_called?.includes(model));
        if (found !== undefined) candidates.push(found.candidate);
      }
      return candidates;
    },

    listed: (formatNames) =>
      listed.flatMap(({ endpoint, models }) =>
        endpoint.formats.some((format) => formatNames.includes(format)) ? models.map(({ candidate }) => candidate) : [],
      ),

    splicePin: ({ crossing: { call }, reading, judgement: { candidate } }) => {
      if (call.action !== 'model_request' || reading === null || candidate === null || reading.model === candidate.pin) return [];
      return call.format.spliceModel(reading, candidate.pin);
    },

    forward: async ({ crossing: { call }, invocation, judgement, outbound }, cancel) => {
      if (call.action === 'tool_call') return { handedOver: true };
      if (call.action === 'network_connection') return { failure: 'unreachable', reason: 'No endpoint is a destination.', attempts: 0 };
      const { candidate } = judgement;
      const send = candidate === null ? undefined : transports.get(candidate.endpoint.id);
      if (candidate === null || send === undefined) return { failure: 'unreachable', reason: 'No endpoint was chosen.', attempts: 0 };
      const { format, operation, path, query, headers } = call;
      const request = {
        candidate,
        formatName: format.name,
        operation,
        path: format.pathWithModel(path, candidate.pin),
        query,
        headers,
        body: outbound,
        cancel,
      };
      return sendAgain(send, request, (status) => format.absorbs(status, invocation.agent.client), retrying);
    },
  };
};
