// The upstream of bench/network.ts, a process of its own at 127.0.0.2: answers the first message of a TLS client with one byte, and each byte
// that follows with one download. It speaks no TLS itself: what it would cost is neither the door's nor squid's, and both pass bytes on as they are.

import { createServer } from 'node:net';
import { siteAddress } from '../test/site.ts';
import { download, firstMessage, greeting } from './network-client.ts';
import { reportToParent } from './stream-process.ts';

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  let hello = firstMessage.length;
  socket.on('data', (bytes) => {
    const ofHello = Math.min(hello, bytes.length);
    hello -= ofHello;
    if (ofHello > 0 && hello === 0) socket.write(greeting);
    for (let asked = bytes.length - ofHello; asked > 0; asked -= 1) socket.write(download);
  });
  socket.on('end', () => socket.end());
  socket.on('error', () => socket.destroy());
});
server.listen({ port: 0, host: siteAddress, backlog: 4_096 }, () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) reportToParent({ port: address.port, credential: '' }, async () => undefined);
});
