// Gateways of others that are measured beside the envelope, by exact version. Not dependencies: bench/peers/install.ts puts them where git does not look.
// nginx is the system's own package and is not installed from here.

export interface Peer {
  readonly from: 'npm' | 'pip' | 'go';
  readonly package: string;
  readonly version: string;
  /** Packages of its own that must be there in another version than the newest that it accepts. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** What it is started by, below the folder that it is installed in. */
  readonly program: string;
}

export const peers = {
  portkey: {
    from: 'npm',
    package: '@portkey-ai/gateway',
    version: '1.15.2',
    // The version that its own lock file has; with one over 1.14.2 every streamed answer ends with `TypeError: immutable`.
    overrides: { '@hono/node-server': '1.13.5' },
    program: 'node_modules/@portkey-ai/gateway/build/start-server.js',
  },
  // A version whose `proxy` extra could be installed where this was measured; that of 1.110.2 could not.
  litellm: { from: 'pip', package: 'litellm[proxy]', version: '1.100.0', program: 'bin/litellm' },
  bifrost: { from: 'go', package: 'github.com/maximhq/bifrost/transports/bifrost-http', version: 'v1.3.9', program: 'bifrost-http' },
} as const satisfies Readonly<Record<string, Peer>>;

export type PeerName = keyof typeof peers;

export const isPeerName = (name: string): name is PeerName => Object.hasOwn(peers, name);
