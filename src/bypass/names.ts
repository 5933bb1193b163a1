// The names and addresses of the kit's own network: what the guard is to allow there, and what every name leads to. Pure.
// The network is one in which every address is this machine and nothing leads out, so that addresses may be what they must look like.

/** Public by every register, and nobody's in a network without a way out. */
export const allowedAddress = '11.0.0.10';
export const unlistedAddress = '11.0.0.66';
export const privateAddress = '10.0.0.66';
/** Where the model runs; reached by the envelope only. */
export const upstream = { address: '10.0.0.20', port: 8080 } as const;
/** A model whose certificate is for another name. */
export const strangeUpstream = { address: '10.0.0.21', port: 8443 } as const;

/** What the guard must allow for the kit, as entries of `allowed_hosts`; each to these ports, with a ClientHello where there is a tunnel. */
export const allowedHosts = [
  'allowed.test',
  '*.wild.test',
  '*.addr.test',
  'shared.test',
  'rebind.test',
  'mixed.test',
  'alias.test',
  'silent.test',
] as const;
export const allowedPorts = [80, 443] as const;
/** Allowed without TLS. */
export const rawHost = { host: 'raw.test', port: 22 } as const;

/** A name under `*.addr.test` that leads to an address. */
export const nameFor = (address: string): string => `a-${address.replaceAll('.', '-').replaceAll(':', '--')}.addr.test`;

const addressIn = (label: string): string => {
  const text = label.slice('a-'.length);
  return text.includes('--') ? text.replaceAll('--', ':') : text.replaceAll('-', '.');
};

const isUnder = (name: string, domain: string): boolean => name.endsWith(`.${domain}`);

/** Whether the guard may ask for a name at all. */
export const isAllowedName = (name: string): boolean =>
  name === rawHost.host || allowedHosts.some((host) => (host.startsWith('*.') ? isUnder(name, host.slice(2)) : host === name));

/** What a name server says: addresses, perhaps by way of another name; null for nothing at all. `asked`: how often it was asked before. */
export const answerFor = (name: string, asked: number): { readonly alias?: string; readonly addresses: readonly string[] } | null => {
  if (name === 'silent.test') return null;
  if (name === 'rebind.test') return { addresses: [asked % 2 === 0 ? allowedAddress : privateAddress] };
  if (name === 'mixed.test') return { addresses: [allowedAddress, privateAddress] };
  if (name === 'alias.test') return { alias: 'internal.test', addresses: [privateAddress] };
  if (name === 'taken.wild.test') return { alias: 'somebody.example', addresses: [unlistedAddress] };
  if (isUnder(name, 'addr.test')) return { addresses: [addressIn(name.split('.')[0] ?? '')] };
  return { addresses: [isAllowedName(name) ? allowedAddress : unlistedAddress] };
};
