import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { GatedSockets } from '../../../src/delivery/kafka/gated-sockets.js';

const server = createServer();
afterEach(() => server.close());

// KafkaJS passes null where no TLS is configured.
it.each([null, undefined])('a client with %s for TLS speaks in clear', async (ssl) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = once(server, 'connection');
  const connected = new Promise<void>((resolve) => {
    const socket = new GatedSockets().factory({
      host: '127.0.0.1',
      port,
      ssl,
      onConnect: () => {
        socket.end('hello');
        resolve();
      },
    });
  });
  const [peer] = await connection;
  await connected;
  const [bytes] = await once(peer, 'data');
  expect(String(bytes)).toBe('hello');
  peer.destroy();
});
