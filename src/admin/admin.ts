// The control plane: its routes on the control socket and on the admin port, each caller authorised before anything else is read.
// Errors are `{error: {code, message}}` with a sentence to act on. A caller learns nothing of what is inside.

import { Hono } from 'hono';
import type { Context as HonoContext } from 'hono';
import type { Denial } from '../core/denial.ts';
import { denialTable, isDenial, sentenceOf } from '../core/denial.ts';
import type { Incoming, Outgoing, PlainAnswer } from '../core/http.ts';
import type { AuthorisePartsOfPlane } from './authorise.ts';
import { createAuthorise, shownBy } from './authorise.ts';
import { openApiOf } from './openapi.ts';
import type { AnyRoute, RouteProblem } from './route.ts';
import { routesOf, type RouteParts } from './routes.ts';

export type { AuthorisePartsOfPlane } from './authorise.ts';
export type { JsonObject, Plane, RouteProblem } from './route.ts';
export type { RouteParts } from './routes.ts';

/** What whoever operates the envelope asks of it. */
export interface Health {
  /** Why it cannot serve, as far as the plane may know it, without a full stop; null where it can. */
  readonly notReady: () => string | null;
  /** False before the doors listen and while the envelope ends: then only this is answered. */
  readonly isServing: () => boolean;
  /** Whether the metrics are for whoever shows this; null where they are. */
  readonly mayScrape: (credential: string | null) => Promise<RouteProblem | null>;
  /** In the format that an `Accept` field asks for. */
  readonly metrics: (accept: string | undefined) => { readonly contentType: string; readonly text: string };
}

const statuses: Readonly<Record<string, 400 | 401 | 404 | 409 | 410 | 503>> = {
  malformed: 400,
  identity_missing: 401,
  identity_refused: 401,
  identity_unavailable: 503,
  record_unavailable: 503,
  not_serving: 503,
  too_many: 409,
  no_such_path: 404,
  no_such_stop: 404,
  no_such_subject: 404,
  no_such_agent: 404,
  no_such_role: 404,
  no_such_model: 404,
  no_such_invocation: 404,
  ended: 410,
};

/** What the server gives the app with a request. */
interface Served {
  readonly Bindings: {
    /** Counts a caller whom nobody could identify. */
    readonly stranger?: () => void;
  };
}
type Context = HonoContext<Served>;
export type ControlApp = Hono<Served>;

/** Codes of those who showed nothing that is known here. */
const ofStrangers: ReadonlySet<string> = new Set(['identity_missing', 'identity_refused', 'not_the_runner']);

const refuse = (context: Context, { problem, message }: RouteProblem): Response => {
  const status = statuses[problem] ?? 403;
  if (ofStrangers.has(problem)) context.env.stranger?.();
  // RFC 6750 section 3.
  if (status === 401) context.header('www-authenticate', 'Bearer');
  return context.json({ error: { code: problem, message } }, status);
};

const noSuchPath: RouteProblem = { problem: 'no_such_path', message: 'Nothing lives at this path.' };

const notServing: RouteProblem = {
  problem: 'not_serving',
  message: 'The envelope is starting or shutting down. Ask again when `/readyz` says that it is ready.',
};

const malformed = (message: string): RouteProblem => ({ problem: 'malformed', message });

const bodyText = async (context: Context, { bodyForm }: AnyRoute): Promise<unknown> => {
  if (bodyForm !== 'form') return context.req.json();
  const fields = [...new URLSearchParams(await context.req.text())];
  const names = fields.map(([name]) => name);
  // RFC 6749 section 3.1: a parameter stands once.
  return new Set(names).size === names.length ? Object.fromEntries(fields) : null;
};

/** The body by the schema of its route; tagged, because a body may have any members. */
const readBody = async (context: Context, row: AnyRoute): Promise<{ readonly body: unknown } | { readonly refused: RouteProblem }> => {
  if (row.body === null) return { body: undefined };
  let given: unknown;
  try {
    given = await bodyText(context, row);
  } catch {
    return { refused: malformed('The body is not JSON.') };
  }
  const parsed = row.body.safeParse(given);
  if (parsed.success) return { body: parsed.data };
  const [issue] = parsed.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? 'The body' : issue.path.join('.');
  // What zod says of a value names its kind and never the value.
  return {
    refused: malformed(
      issue?.code === 'unrecognized_keys'
        ? 'The body has a member that is not known.'
        : `${place}: ${issue?.message ?? 'is not what is expected here'}.`,
    ),
  };
};

/** Adds a route: who calls is settled first, then the body is read. */
const mount = (app: ControlApp, row: AnyRoute, authorise: ReturnType<typeof createAuthorise>): void => {
  const handler = async (context: Context): Promise<Response> => {
    const caller = await authorise(row.who, shownBy(context.req.header('authorization'), context.req.header('sealwright-runner')));
    if ('problem' in caller) return refuse(context, caller);
    const read = await readBody(context, row);
    if ('refused' in read) return refuse(context, read.refused);
    const parameter = (name: string): string => context.req.param(name) ?? '';
    const answered = await row.handle({ caller, parameter, body: read.body as never });
    if ('problem' in answered) return refuse(context, answered);
    context.header('cache-control', 'no-store');
    return answered.status === 204 ? context.body(null, 204) : context.json(answered.json, answered.status ?? 200);
  };
  app.on(row.method, row.path.replaceAll(/\{(\w+)\}/g, ':$1'), handler);
};

export const createControlApp = (
  parts: RouteParts & AuthorisePartsOfPlane & { readonly health: Health; readonly version: string },
): ControlApp => {
  const app = createHealthApp(parts.health);
  app.use('*', async (context, next) => (parts.health.isServing() ? next() : refuse(context, notServing)));
  const authorise = createAuthorise(parts);
  const routes = routesOf(parts);
  for (const row of routes) mount(app, row, authorise);
  const document = openApiOf(routes, parts.version);
  app.get('/openapi.json', (context) => context.json(document));
  return app;
};

/** The OpenAPI document of a control plane that nobody serves: for the reference. */
export const controlPlaneDocument = (version: string): Record<string, unknown> => openApiOf(routesOf({} as RouteParts), version);

/** What the admin port serves even while nobody can prove who he is: whether the envelope lives and can serve, and its metrics. */
export const createHealthApp = ({ notReady, mayScrape, metrics }: Health): ControlApp => {
  const app = new Hono<Served>();
  // Whoever serves the app says so to the operator; a caller learns nothing of what is inside.
  app.onError((problem) => {
    throw problem;
  });
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) => {
    const problem = notReady();
    return problem === null ? context.text('ready\n') : context.text(`${problem}\n`, 503);
  });
  app.get('/metrics', async (context) => {
    const refused = await mayScrape(shownBy(context.req.header('authorization'), undefined).credential);
    if (refused !== null) return refuse(context, refused);
    const { contentType, text } = metrics(context.req.header('accept'));
    return context.body(text, 200, { 'content-type': contentType, 'cache-control': 'no-store' });
  });
  app.notFound((context) => refuse(context, noSuchPath));
  return app;
};

const carried = ['accept', 'content-type', 'authorization', 'sealwright-runner'] as const;

/** A body that is asked for only once a route reads it, so that nobody holds what a caller sends who may not call. */
const lazyBody = (incoming: Incoming, refused: (denial: Denial) => void): ReadableStream<Uint8Array> =>
  new ReadableStream(
    {
      pull: async (controller) => {
        const bytes = await incoming.body();
        if (isDenial(bytes)) refused(bytes);
        else controller.enqueue(bytes);
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );

/** Carries the app over the envelope's own server. `stranger` counts, by where he came from, a caller whom nobody could identify. */
export const serveApp =
  (app: ControlApp, methods: readonly string[], stranger: (from: string) => void) =>
  async (incoming: Incoming, outgoing: Outgoing): Promise<void> => {
    if (!methods.includes(incoming.method))
      return writePlain(outgoing, renderControlRefusal('method', 'This method is not taken here.', 405));
    // `*` and whole addresses are targets in HTTP, too, and no path.
    if (!incoming.path.startsWith('/')) return writePlain(outgoing, renderControlRefusal(noSuchPath.problem, noSuchPath.message, 404));
    const fields = carried.flatMap((name) => {
      const value = incoming.headers[name];
      return value === undefined ? [] : [[name, value] as [string, string]];
    });
    let denial: Denial | null = null;
    const body = lazyBody(incoming, (refused) => (denial = refused));
    const request = new Request(`http://control.invalid${incoming.path}`, {
      method: incoming.method,
      headers: fields,
      ...(incoming.method === 'POST' && { body, duplex: 'half' }),
    });
    const response = await app.fetch(request, { stranger: () => stranger(incoming.from) });
    if (denial !== null) return writePlain(outgoing, renderDenial(denial));
    await writePlain(outgoing, {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: new Uint8Array(await response.arrayBuffer()),
    });
  };

/** What broke the rules of HTTP, in the shape of this plane. */
export const renderDenial = (denial: Denial): PlainAnswer =>
  renderControlRefusal(denial.denial, sentenceOf(denial), denialTable[denial.denial].status);

const renderControlRefusal = (code: string, message: string, status: number): PlainAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify({ error: { code, message } })),
});

const writePlain = async (outgoing: Outgoing, { status, headers, body }: PlainAnswer): Promise<void> => {
  outgoing.begin(status, body.length > 0 ? { ...headers, 'content-length': String(body.length) } : headers);
  if (body.length > 0) await outgoing.write(body);
  outgoing.end();
};
