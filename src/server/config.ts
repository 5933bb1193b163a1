// Settings of the sockets that the envelope listens on.
// What is not built yet is refused by name, so that nobody believes it to be in force.

import { z } from 'zod';

const loopback = /^(127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}|::1)$/;

const port = z.number().int().min(0).max(65_535);

export const serverConfig = z.strictObject({
  deployment: z
    .enum(['laptop', 'host', 'server'])
    .refine((deployment) => deployment === 'laptop', { error: 'this deployment is not built yet; only `laptop` is' })
    .default('laptop')
    .describe('Who runs what. `laptop`: agent and envelope run as the same user on one machine.'),
  host: z
    .string()
    .regex(loopback, { error: 'must be a loopback address such as 127.0.0.1; a listener elsewhere needs TLS, which is not built yet' })
    .default('127.0.0.1')
    .describe('Address that the doors listen on. Must be a loopback address: 127.0.0.0/8 or ::1.'),
  ports: z
    .strictObject({
      model: port.default(7420).describe('Model door. 0 takes any free port.'),
      admin: port.default(7422).describe('Health and readiness. 0 takes any free port.'),
    })
    .refine(({ model, admin }) => model === 0 || model !== admin, { error: 'must be different ports', path: ['admin'] })
    .default({ model: 7420, admin: 7422 })
    .describe('Ports of the listeners.'),
  control_socket: z
    .string()
    .min(1)
    .optional()
    .describe('Path of the control socket, relative to this file; at most 107 bytes. By default in the runtime folder of the user.'),
});
