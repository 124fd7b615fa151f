import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect, createServer, type Server } from 'node:tls';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafka, kafkajsDriver, type KafkaTls } from '../../../src/delivery/kafka/index.js';
import { message } from '../../../src/testing/bus-conformance/recorder.js';
import { kcat, startKafkaMock, type KafkaMock } from '../../support/kafka-mock.js';
import { makeTlsCertificates, type TlsCertificates } from '../../support/tls-certificates.js';
import { uniqueName } from '../../support/unique-name.js';

// The mock speaks no TLS: what stands before it does, and demands a client certificate.
let certificates: TlsCertificates;
let stranger: TlsCertificates;
let mock: KafkaMock;
let server: Server;
let port: number;

beforeAll(async () => {
  certificates = makeTlsCertificates();
  stranger = makeTlsCertificates();
  mock = await startKafkaMock();
  const target = Number(mock.brokers.split(':')[1]);
  server = createServer(
    {
      ca: certificates.ca,
      cert: readFileSync(certificates.serverCertFile),
      key: readFileSync(certificates.serverKeyFile),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (client) => {
      const upstream = connectTcp(target, '127.0.0.1');
      for (const socket of [client, upstream]) {
        socket.on('error', () => {});
        socket.on('close', () => {
          client.destroy();
          upstream.destroy();
        });
      }
      client.pipe(upstream).pipe(client);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as { port: number }).port;
});
afterAll(async () => {
  server.close();
  await mock.kill();
  certificates.dispose();
  stranger.dispose();
});

function open(tls: KafkaTls | true, topic: string) {
  return kafka({
    brokers: `localhost:${port}`,
    topic,
    tls,
    publishTimeout: 10_000,
    // The mock tells of its own port, behind the one that speaks TLS.
    driver: (config) =>
      kafkajsDriver(config, ({ host, ssl, onConnect }) =>
        connect({ ...ssl, host, port, servername: 'localhost' }, onConnect),
      ),
  });
}

describe('a Kafka bus over TLS', () => {
  it('works by CA and client certificate', async () => {
    const { ca, clientCert: cert, clientKey: key, passphrase } = certificates;
    const topic = uniqueName('tls');
    await using bus = open({ ca, cert, key, passphrase }, topic);
    await bus.publish(message('a', { body: Buffer.from('over TLS') }));
    expect(await kcat(mock.brokers, ['-C', '-t', topic, '-o', 'beginning', '-e', '-q'])).toBe(
      'over TLS\n',
    );
  });

  it.each<[string, () => KafkaTls | true]>([
    ['an authority nobody told it of', () => true],
    ['another authority', () => ({ ca: stranger.ca })],
  ])('refuses %s, and shows no secret', async (_, tls) => {
    await using bus = open(tls(), uniqueName('tls'));
    const error: unknown = await bus.connect().catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'BUS_TLS_FAILED' });
    expect(inspect(error, { depth: 10 })).not.toContain('PRIVATE KEY');
  });
});
