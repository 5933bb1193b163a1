// The control plane as an OpenAPI 3.1 document, made from its routes, so that document and behaviour cannot differ.
// Pure; a schema that cannot be written as JSON Schema is a bug, and thrown.

import { z } from 'zod';
import type { AnyRoute, Who } from './route.ts';

const schemaOf = (type: z.ZodType): Record<string, unknown> => {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io: 'input', target: 'draft-2020-12' }) as Record<string, unknown>;
  return schema;
};

const security = {
  everyone: [],
  'everyone on the socket': [{ admin: [] }],
  invoker: [{ invoker: [] }],
  'invoker at the desk': [{ invoker: [] }],
  runner: [{ runner: [] }],
  'runner with the invoker': [{ runner: [], invoker: [] }],
  control: [{ admin: [] }],
} as const satisfies Readonly<Record<Who['who'], readonly object[]>>;

const errorAnswer = {
  description: 'A refusal: a stable code, and a sentence that says what to do.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } },
};

const operationOf = ({ does, who, path, body, bodyForm, answers }: AnyRoute): Record<string, unknown> => {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const type = bodyForm === 'form' ? 'application/x-www-form-urlencoded' : 'application/json';
  return {
    summary: does,
    ...('action' in who && { description: `Needs the action \`${who.action}\`.` }),
    security: security[who.who],
    ...(names.length > 0 && {
      parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    }),
    ...(body !== null && { requestBody: { required: true, content: { [type]: { schema: schemaOf(body) } } } }),
    responses: {
      '2XX': { description: 'Done.', ...(answers !== null && { content: { 'application/json': { schema: schemaOf(answers) } } }) },
      default: errorAnswer,
    },
  };
};

/** `version` is that of the package. */
export const openApiOf = (routes: readonly AnyRoute[], version: string): Record<string, unknown> => {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const row of routes) paths[row.path] = { ...paths[row.path], [row.method.toLowerCase()]: operationOf(row) };
  const scheme = (description: string) => ({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description });
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sealwright control plane',
      version,
      description:
        'The control socket and the admin port. No route takes the credential of an invocation; requests with an Origin field are refused.',
    },
    paths,
    components: {
      securitySchemes: {
        admin: scheme('A token of an issuer for `identity.admin_audience`.'),
        invoker: scheme('A token of an issuer for `identity.audience`, or a client assertion.'),
        runner: { type: 'apiKey', in: 'header', name: 'sealwright-runner', description: 'The `runner_key` that opening answered with.' },
      },
      schemas: {
        Refusal: {
          type: 'object',
          properties: {
            error: {
              type: 'object',
              properties: { code: { type: 'string' }, message: { type: 'string' } },
              required: ['code', 'message'],
            },
          },
          required: ['error'],
        },
      },
    },
  };
};
