// Settings of the sockets that the envelope listens on.
// What one setting alone cannot show (an address that is not loopback needs TLS and proved identities) is checked with the whole config.

import { z } from 'zod';

const port = z.number().int().min(0).max(65_535);

const hostName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/, {
  error: 'must be a host name without a port',
});

const tls = z.strictObject({
  certificate: z
    .string()
    .min(1)
    .describe('PEM file of the certificate and those that signed it, relative to this file. Read again when it changes.'),
  key: z.string().min(1).describe('PEM file of its private key, relative to this file.'),
  client_ca: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file of who signs the certificates that clients of the admin port must show. Without it none is asked for.'),
});

/** The schema of a credential is that of endpoints and is given: a room reads no other room's settings. */
export const createServerConfig = <Credential extends z.ZodType>(credential: Credential) =>
  z.strictObject({
    deployment: z
      .enum(['laptop', 'host', 'server'])
      .default('laptop')
      .describe(
        'Who runs what. `laptop`: agent and envelope run as the same user on one machine. `host`: the envelope is a service with a user of its own. `server`: runners are on other machines.',
      ),
    host: z
      .union([z.ipv4({ error: 'must be an IP address' }), z.ipv6()], { error: 'must be an IP address such as 127.0.0.1' })
      .default('127.0.0.1')
      .describe(
        'Address that the doors listen on. One that is not loopback (127.0.0.0/8 or ::1) needs `tls` and identities that are proved.',
      ),
    names: z
      .array(hostName)
      .default([])
      .describe('Host names under which clients reach it, the one to tell them first. Requests for another name are refused.'),
    tls: tls.optional().describe('What the model door and the admin port show over TLS.'),
    ports: z
      .strictObject({
        model: port.default(7420).describe('Model door. 0 takes any free port.'),
        network: port.default(7421).describe('Network door, an HTTP proxy. 0 takes any free port.'),
        admin: port.default(7422).describe('Control plane, health and readiness. 0 takes any free port.'),
      })
      .refine(({ model, network }) => model === 0 || model !== network, { error: 'must be different ports', path: ['network'] })
      .refine(({ model, network, admin }) => admin === 0 || (admin !== model && admin !== network), {
        error: 'must be different ports',
        path: ['admin'],
      })
      .default({ model: 7420, network: 7421, admin: 7422 })
      .describe('Ports of the listeners.'),
    control_socket: z
      .string()
      .min(1)
      .optional()
      .describe('Path of the control socket, relative to this file; at most 107 bytes. By default in the runtime folder of the user.'),
    metrics: z
      .strictObject({ credential: credential.describe('Where it is found. It travels as `Authorization: Bearer`.') })
      .optional()
      .describe('A credential that `/metrics` on the admin port asks for. Without it they are shown on loopback only.'),
  });

/** Whether an IP address never leaves the machine (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3). */
export const isLoopback = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|::1|0{0,4}(:0{0,4}){6}:0{0,3}1)$/.test(host);
