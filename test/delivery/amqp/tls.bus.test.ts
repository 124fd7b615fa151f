import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rabbitmq, type RabbitmqTls } from '../../../src/delivery/amqp/index.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { startPrivateRabbitmq, type PrivateRabbitmq } from '../../support/private-rabbitmq.js';
import { makeTlsCertificates, type TlsCertificates } from '../../support/tls-certificates.js';

let certificates: TlsCertificates;
let stranger: TlsCertificates;
let broker: PrivateRabbitmq;
let tls: Required<Pick<RabbitmqTls, 'ca' | 'cert' | 'key' | 'passphrase'>>;

beforeAll(async () => {
  certificates = makeTlsCertificates();
  stranger = makeTlsCertificates();
  const { caFile, serverCertFile: certFile, serverKeyFile: keyFile } = certificates;
  broker = await startPrivateRabbitmq({ tls: { caFile, certFile, keyFile } });
  const { ca, clientCert: cert, clientKey: key, passphrase } = certificates;
  tls = { ca, cert, key, passphrase };
}, 120_000);
afterAll(async () => {
  await broker.dispose();
  certificates.dispose();
  stranger.dispose();
});

const url = (host: string): string => `amqps://guest:guest@${host}:${broker.tlsPort}`;

describe('a bus over TLS', () => {
  it.each(['localhost', '127.0.0.1'])('works to %s by CA and client certificate', async (host) => {
    await using bus = rabbitmq({ url: url(host), tls });
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler);
    expect(await bus.publish(message('a'))).toEqual({ routed: true });
    await recorder.atLeast(1);
  });

  it.each<[string, () => { url: string; tls?: RabbitmqTls }]>([
    ['an authority nobody told it of', () => ({ url: url('localhost') })],
    ['another authority', () => ({ url: url('localhost'), tls: { ...tls, ca: stranger.ca } })],
    [
      'a name that the certificate does not carry',
      () => ({ url: url('localhost'), tls: { ...tls, servername: 'elsewhere.example' } }),
    ],
    ['no client certificate', () => ({ url: url('localhost'), tls: { ca: tls.ca } })],
    [
      "a stranger's client certificate",
      () => ({
        url: url('localhost'),
        tls: { ...tls, cert: stranger.clientCert, key: stranger.clientKey },
      }),
    ],
    [
      'a wrong passphrase',
      () => ({ url: url('localhost'), tls: { ...tls, passphrase: 'S3CRET' } }),
    ],
    [
      'a port that does not speak TLS',
      () => ({ url: `amqps://guest:guest@localhost:${broker.port}`, tls }),
    ],
  ])('refuses %s', async (_, options) => {
    await using bus = rabbitmq(options());
    const error: unknown = await bus.connect().catch((each: unknown) => each);
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'BUS_TLS_FAILED' });
    expect(inspect(error, { depth: 10 })).not.toMatch(/S3CRET|PRIVATE KEY/);
  });
});
