// The part of `oidc-provider`, which brings no types, that the tests use.
// What is configured is a plain object; its own pages say what may stand there.

declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  interface Grant {
    readonly addOIDCScope: (scope: string) => void;
    readonly addResourceScope: (resource: string, scope: string) => void;
    readonly save: () => Promise<string>;
  }
  /** Of the context of a request what deciding on consent needs. */
  export interface RequestContext {
    readonly oidc: { readonly client: { readonly clientId: string }; readonly session: { readonly accountId: string } };
  }
  export class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    readonly callback: () => RequestListener;
    readonly interactionFinished: (request: IncomingMessage, response: ServerResponse, result: object) => Promise<void>;
    readonly Grant: new (of: { readonly accountId: string; readonly clientId: string }) => Grant;
  }
}
