// The control plane on the control socket: opening, renewing and closing invocations, digests of programs, and the standing of the envelope.
// Bodies are JSON of known members; what is not known is refused. Errors are `{error: {code, message}}` with a sentence to act on.

import { Hono } from 'hono';
import type { Context } from 'hono';
import type { Incoming, Outgoing, PlainAnswer } from '../core/http.ts';
import { isDenial, sentenceOf } from '../core/denial.ts';
import type { Json } from '../core/canonical-json.ts';
import { factsOfBody, isSha256, type FileFacts } from '../core/file-facts.ts';
import { limits } from '../core/limits.ts';
import type { Invocation } from '../core/principal.ts';

export type JsonObject = { readonly [name: string]: Json };

export interface OpeningCall {
  readonly agent: string | null;
  readonly agentVersion: string | null;
  readonly agentDigest: string | null;
  readonly role: string | null;
  readonly task: string | null;
  readonly facts: JsonObject;
}

/** A refusal of the desk; `problem` is a stable code. */
export interface DeskProblem {
  readonly problem: string;
  readonly message: string;
}

/** Where invocations are opened and closed. */
export interface Desk {
  readonly open: (
    call: OpeningCall,
  ) => Promise<{ readonly invocation: Invocation; readonly credential: string; readonly modelPins: readonly string[] } | DeskProblem>;
  readonly heartbeat: (invocationId: string) => boolean;
  readonly close: (
    invocationId: string,
    facts: JsonObject,
  ) => Promise<
    { readonly crossings: number; readonly denials: number; readonly deniedAsText: number; readonly recordId: string } | DeskProblem
  >;
}

/** What the caller's programs were found to have when they were read. Never rejects. */
export interface Digests {
  readonly find: (facts: FileFacts) => Promise<string | null>;
  readonly keep: (facts: FileFacts, sha256: string) => Promise<void>;
}

export interface ControlParts {
  readonly desk: Desk;
  readonly digests: Digests;
  readonly status: () => JsonObject;
  /** Null when the envelope can serve. */
  readonly notReady: () => string | null;
  /** Told to every runner. */
  readonly doors: JsonObject;
  readonly release: string;
  readonly environment: string;
  readonly deployment: string;
}

interface ControlProblem {
  readonly status: 400 | 403 | 404 | 410 | 503;
  readonly code: string;
  readonly message: string;
}

const statusOf = (problem: string): ControlProblem['status'] => (problem === 'record_unavailable' ? 503 : problem === 'ended' ? 410 : 403);

const problemOf = ({ problem, message }: DeskProblem): ControlProblem => ({ status: statusOf(problem), code: problem, message });

const factsMembers = ['device', 'inode', 'size_bytes', 'modified_ns', 'changed_ns'];
const openingMembers = new Set(['agent', 'agent_version', 'agent_digest', 'role', 'task', 'facts']);

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const textOrNull = (value: unknown): value is string | null | undefined =>
  value === null || value === undefined || typeof value === 'string';

const malformed = (message: string): ControlProblem => ({ status: 400, code: 'malformed', message });

/** The body as an object; tagged, because a body may have any members. */
const readJson = async (context: Context): Promise<{ readonly body: JsonObject } | { readonly refused: ControlProblem }> => {
  try {
    const body: unknown = await context.req.json();
    return isObject(body) ? { body } : { refused: malformed('The body is not a JSON object.') };
  } catch {
    return { refused: malformed('The body is not JSON.') };
  }
};

const readOpening = (body: JsonObject): { readonly call: OpeningCall } | { readonly refused: ControlProblem } => {
  const refuse = (message: string) => ({ refused: malformed(message) });
  if (Object.keys(body).some((name) => !openingMembers.has(name))) return refuse('The body has a member that is not known.');
  const { agent, agent_version, agent_digest, role, task, facts } = body;
  if (!textOrNull(agent) || !textOrNull(agent_version) || !textOrNull(agent_digest) || !textOrNull(role) || !textOrNull(task))
    return refuse('agent, agent_version, agent_digest, role and task are texts or null.');
  if (typeof agent_digest === 'string' && !/^[0-9a-f]{64}$/.test(agent_digest))
    return refuse('agent_digest is not a SHA-256 in hexadecimal.');
  if (facts !== undefined && !isObject(facts)) return refuse('facts is not an object.');
  const call = {
    agent: agent ?? null,
    agentVersion: agent_version ?? null,
    agentDigest: agent_digest ?? null,
    role: role ?? null,
    task: task ?? null,
    facts: facts ?? {},
  };
  return { call };
};

/** The facts of a file, and nothing else. */
const readFacts = (body: JsonObject): { readonly facts: FileFacts } | { readonly refused: ControlProblem } => {
  if (Object.keys(body).some((name) => !factsMembers.includes(name)))
    return { refused: malformed('The body has a member that is not known.') };
  const facts = factsOfBody(body);
  return facts === null ? { refused: malformed(`${factsMembers.join(', ')} are whole numbers, as texts of decimal digits.`) } : { facts };
};

const addDigests = (app: Hono, { find, keep }: Digests): void => {
  app.post('/digests/find', async (context) => {
    const read = await readJson(context);
    const asked = 'refused' in read ? read : readFacts(read.body);
    return 'refused' in asked ? answerProblem(context, asked.refused) : context.json({ sha256: await find(asked.facts) });
  });
  app.post('/digests', async (context) => {
    const read = await readJson(context);
    if ('refused' in read) return answerProblem(context, read.refused);
    const { sha256, ...facts } = read.body;
    const told = readFacts(facts);
    if ('refused' in told) return answerProblem(context, told.refused);
    if (!isSha256(sha256)) return answerProblem(context, malformed('sha256 is not a SHA-256 in hexadecimal.'));
    await keep(told.facts, sha256);
    return context.body(null, 204);
  });
};

const answerProblem = (context: Context, { status, code, message }: ControlProblem): Response =>
  context.json({ error: { code, message } }, status);

export const createControlApp = (parts: ControlParts): Hono => {
  const { desk, digests, status, doors, release, environment, deployment } = parts;
  const app = createHealthApp(parts);
  addDigests(app, digests);
  app.get('/status', (context) => context.json(status()));
  app.post('/invocations', async (context) => {
    const read = await readJson(context);
    const opening = 'refused' in read ? read : readOpening(read.body);
    if ('refused' in opening) return answerProblem(context, opening.refused);
    const opened = await desk.open(opening.call);
    if ('problem' in opened) return answerProblem(context, problemOf(opened));
    const { invocation, credential, modelPins } = opened;
    const { agent, role, containment } = invocation;
    const settings = { agent: agent.id, client: agent.client, role, model_pins: modelPins, containment, release, environment, deployment };
    const lease = { lease_seconds: limits.leaseMs / 1_000, heartbeat_seconds: limits.heartbeatMs / 1_000 };
    return context.json({ invocation_id: invocation.id, credential, ...lease, doors, settings }, 201);
  });
  app.post('/invocations/:id/heartbeat', (context) =>
    desk.heartbeat(context.req.param('id')) ? context.body(null, 204) : answerProblem(context, ended),
  );
  app.post('/invocations/:id/close', async (context) => {
    const read = await readJson(context);
    if ('refused' in read) return answerProblem(context, read.refused);
    const closed = await desk.close(context.req.param('id'), read.body);
    if ('problem' in closed) return answerProblem(context, problemOf(closed));
    const { crossings, denials, deniedAsText, recordId } = closed;
    return context.json({ crossings, denials, denied_as_text: deniedAsText, record: recordId });
  });
  return app;
};

/** What the admin port serves while nobody can prove who he is: whether the envelope lives and can serve. */
export const createHealthApp = ({ notReady }: Pick<ControlParts, 'notReady'>): Hono => {
  const app = new Hono();
  // Whoever serves the app says so to the operator; a caller learns nothing of what is inside.
  app.onError((problem) => {
    throw problem;
  });
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) => {
    const problem = notReady();
    return problem === null ? context.text('ready\n') : context.text(`${problem}\n`, 503);
  });
  app.notFound((context) => answerProblem(context, { status: 404, code: 'no_such_path', message: 'Nothing lives at this path.' }));
  return app;
};

const ended: ControlProblem = { status: 410, code: 'ended', message: 'The invocation has ended.' };

/** Carries a Hono app over the envelope's own server. */
export const serveApp =
  (app: Hono, methods: readonly string[]) =>
  async (incoming: Incoming, outgoing: Outgoing): Promise<void> => {
    if (!methods.includes(incoming.method))
      return writePlain(outgoing, renderControlRefusal('method', 'This method is not taken here.', 405));
    const hasBody = incoming.method === 'POST';
    const body = hasBody ? await incoming.body() : new Uint8Array();
    if (isDenial(body)) return writePlain(outgoing, renderControlRefusal(body.denial, sentenceOf(body), 400));
    const request = new Request(`http://control.invalid${incoming.path}`, {
      method: incoming.method,
      ...(hasBody && { body: new Uint8Array(body), headers: { 'content-type': incoming.headers['content-type'] ?? '' } }),
    });
    const response = await app.fetch(request);
    await writePlain(outgoing, {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: new Uint8Array(await response.arrayBuffer()),
    });
  };

export const renderControlRefusal = (code: string, message: string, status: number): PlainAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify({ error: { code, message } })),
});

const writePlain = async (outgoing: Outgoing, { status, headers, body }: PlainAnswer): Promise<void> => {
  outgoing.begin(status, body.length > 0 ? { ...headers, 'content-length': String(body.length) } : headers);
  if (body.length > 0) await outgoing.write(body);
  outgoing.end();
};
