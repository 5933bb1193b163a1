// TLS ClientHellos: those of the platform's own client, and those that the bypass kit makes up.
// Nothing is connected: the client talks to a stream that keeps what it says.

import { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';

export { extensionOf, helloMessage, helloOf, recordsOf, serverNames } from '../src/bypass/client-hello.ts';

/** What the platform's client says first. */
export const realHello = (options: ConnectionOptions): Promise<Buffer> =>
  new Promise((resolve) => {
    const stream = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        resolve(chunk);
        done();
        stream.destroy();
      },
    });
    connect({ ...options, socket: stream }).on('error', () => undefined);
  });
