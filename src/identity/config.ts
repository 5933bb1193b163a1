// Settings of identity: who may open an invocation or use the control plane, what proves it, and what membership of a group grants.
// Either `local_development`, which proves nothing, or issuers and clients. No secret stands here: every key is a public one.

import { z } from 'zod';
import type { Frozen } from '../core/frozen.ts';
import { ownNameForm, ownNameProblem } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { controlRoles } from '../core/principal.ts';

const ownName = z.string().max(limits.labelCharacters).regex(ownNameForm, { error: ownNameProblem });

/** Asymmetric signatures only: a public key that is taken for a shared secret is a known attack (RFC 8725 section 2.1). */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const;

const audience = z.string().min(1).max(limits.claimCharacters);

const isIssuerUrl = (text: string): boolean => {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || /[?#]/.test(text)) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname));
};

const httpsUrl = z
  .string()
  .max(limits.claimCharacters)
  .refine(isIssuerUrl, { error: 'must be an https URL without user, query or fragment; http only for a loopback address' });

/** A claim by its path: members joined by dots, such as `realm_access.roles`; a member that has dots itself stands in a list. */
const claimPath = z.union([
  z.string().min(1).max(limits.claimCharacters),
  z.array(z.string().min(1).max(limits.claimCharacters)).min(1).max(limits.claimPathCount),
]);

const login = z.strictObject({
  client_id: z.string().min(1).max(limits.claimCharacters).describe('Public client that `sealwright login` uses.'),
  admin_client_id: z
    .string()
    .min(1)
    .max(limits.claimCharacters)
    .optional()
    .describe('Public client of `sealwright login --admin`. By default the same.'),
  token: z
    .enum(['id_token', 'access_token'])
    .default('access_token')
    .describe('Which token of the answer is shown to the envelope. It must be a JWT with the audience that is asked for here.'),
  scopes: z.array(z.string().min(1)).default(['openid', 'offline_access']).describe('Scopes that are asked for.'),
  resource: z
    .boolean()
    .default(true)
    .describe('Whether the audience is asked for by the parameter `resource` (RFC 8707). `false` where the issuer refuses that.'),
});

const issuer = z.strictObject({
  url: httpsUrl.describe('The issuer, exactly as `iss` has it. Its keys are found by discovery (OpenID Connect Discovery 1.0).'),
  kind: z
    .enum(['people', 'workloads'])
    .default('people')
    .describe('`workloads` for a platform that gives tokens to programs (Kubernetes, CI). Such a token needs `require`.'),
  audience: audience.optional().describe('`aud` of tokens that open invocations, where it is not `identity.audience`.'),
  admin_audience: audience.optional().describe('`aud` of tokens for the control plane, where it is not `identity.admin_audience`.'),
  algorithms: z.array(z.enum(algorithms)).min(1).default(['RS256', 'PS256', 'ES256', 'EdDSA']).describe('Algorithms that are accepted.'),
  clock_skew_seconds: z.number().int().min(0).max(300).default(30).describe('How far the clocks may differ.'),
  subject_claim: claimPath.default('sub').describe('Claim that says who it is.'),
  groups_claim: claimPath.default('groups').describe('Claim that lists groups or roles.'),
  groups: z
    .record(z.string().min(1).max(limits.claimCharacters), ownName)
    .default({})
    .describe('Values of the groups claim, and the group under `identity.groups` that each stands for. Others are ignored.'),
  everyone: z.array(ownName).default([]).describe('Groups that every holder of a token of this issuer is in.'),
  require: z
    .array(
      z.strictObject({
        claim: claimPath.describe('The claim, by its path.'),
        value: z.string().max(limits.claimCharacters).describe('What it must be, exactly.'),
      }),
    )
    .max(limits.requiredClaimsCount)
    .default([])
    .describe('Claims that a token must have with this value. Platforms that serve many customers sign for all of them.'),
  jwks_url: httpsUrl.optional().describe('Where the keys are, for an issuer without discovery.'),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file of certificates to trust for this issuer, relative to this file, instead of the usual ones.'),
  login: login.optional().describe('How `sealwright login` gets a token from this issuer.'),
});

const client = z.strictObject({
  keys: z.string().min(1).describe('File with the public keys of the client as a JWK set (RFC 7517), relative to this file.'),
  algorithms: z.array(z.enum(algorithms)).min(1).default(['PS256', 'ES256', 'EdDSA']).describe('Algorithms that are accepted.'),
  groups: z.array(ownName).min(1).describe('Groups under `identity.groups` that it is in.'),
});

const group = z.strictObject({
  agent_roles: z.array(ownName).default([]).describe('Roles that members may let an agent take.'),
  agents: z.array(ownName).optional().describe('Agents that members may start. By default all whose roles they may give.'),
  control_roles: z.array(z.enum(controlRoles)).default([]).describe('What members may do on the control plane.'),
});

export const identityConfig = z
  .strictObject({
    local_development: z
      .literal(true)
      .optional()
      .describe(
        'Instead of all others: the invoker is whoever can reach the control socket. Loopback only; every record says so; such persons cannot approve.',
      ),
    audience: audience.default('sealwright').describe('`aud` of credentials that open invocations.'),
    admin_audience: audience.default('sealwright-admin').describe('`aud` of credentials for the control plane.'),
    reprove_minutes: z
      .number()
      .int()
      .min(1)
      .max(1_440)
      .default(15)
      .describe('How often a running invocation proves its invoker again. One that does not is ended.'),
    issuers: z.record(ownName, issuer).default({}).describe('Who signs the tokens of people and programs, by a name for records.'),
    clients: z.record(ownName, client).default({}).describe('Programs that sign for themselves (RFC 7523), by their client id.'),
    groups: z.record(ownName, group).default({}).describe('What membership grants. Whoever is in no group may nothing.'),
  })
  .superRefine(({ local_development: local, issuers, clients, groups, ...audiences }, context) => {
    const problem = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (local === true) {
      for (const [path, members] of Object.entries({ issuers, clients, groups }))
        if (Object.keys(members).length > 0) problem(path, 'cannot stand beside local_development, which proves nobody');
      return;
    }
    if (Object.keys(issuers).length + Object.keys(clients).length === 0)
      problem('issuers', 'is missing; name who proves invokers, or set local_development: true for a machine of your own');
    if (audiences.audience === audiences.admin_audience)
      problem('admin_audience', 'must not be the audience that opens invocations: what opens one must not steer the envelope');
    const named = Object.entries(issuers);
    for (const [path, members] of Object.entries({ issuers, clients }))
      if (Object.hasOwn(members, 'local')) problem(path, 'cannot have one named local; that name is taken by local_development');
    if (new Set(named.map(([, { url }]) => url)).size < named.length)
      problem('issuers', 'has the same url twice; it must be clear by which settings a token is judged');
    for (const [name, settings] of named) {
      if ((settings.audience ?? audiences.audience) === (settings.admin_audience ?? audiences.admin_audience))
        context.addIssue({
          code: 'custom',
          path: ['issuers', name, 'admin_audience'],
          message: 'must not be the audience that opens invocations: what opens one must not steer the envelope',
        });
      if (settings.kind === 'workloads' && settings.require.length === 0)
        context.addIssue({
          code: 'custom',
          path: ['issuers', name, 'require'],
          message: 'is missing; a platform signs for others too, so say which claims make a token yours',
        });
    }
  });

export type IdentitySettings = Frozen<z.output<typeof identityConfig>>;
export type IssuerSettings = Frozen<z.output<typeof issuer>>;
export type ClientSettings = Frozen<z.output<typeof client>>;
