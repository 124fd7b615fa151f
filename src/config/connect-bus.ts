import { readFileSync } from 'node:fs';
import { rabbitmq } from '../delivery/amqp/index.js';
import { maskUrl } from '../delivery/amqp/mask-url.js';
import type { Bus } from '../delivery/bus/bus.js';
import { kafkaAddress } from '../delivery/kafka/address.js';
import { kafka } from '../delivery/kafka/index.js';
import { natsAddress } from '../delivery/nats/address.js';
import { memoryBus } from '../delivery/memory/memory-bus.js';
import { ConfigurationError } from '../core/errors/errors.js';
import type { Format } from '../delivery/formats/format.js';
import { formats, type Formats } from '../delivery/formats/formats.js';
import type { BusConfiguration, Configuration } from './configuration.js';

/**
 * Makes the buses of a configuration, without connecting them. Rejects with ConfigurationError
 * CONFIG_VALUE_INVALID for an address of an unknown kind, without the address, for a bus that is given
 * twice, and for a format that is not among `known`, and DRIVER_MISSING where the client of NATS is not installed.
 */
export async function connectBuses(
  configuration: Configuration['bus'],
  known: Formats = formats,
): Promise<readonly Bus[]> {
  const list =
    configuration === undefined
      ? []
      : Array.isArray(configuration)
        ? configuration
        : [configuration];
  const given = list.map((item) => (typeof item === 'string' ? { url: item } : item));
  refuseRepeated(given);
  return Promise.all(given.map((item) => connectBus(item, known)));
}

/** Everything would be published, or come, twice. With another name, exchange or format it is meant. */
function refuseRepeated(given: readonly BusConfiguration[]): void {
  const seen = new Set<string>();
  for (const { url, name, exchange, format } of given) {
    const urls = typeof url === 'string' ? [url] : url;
    const key = JSON.stringify([urls, name, exchange, format]);
    if (seen.has(key)) {
      const address = urls.map(maskUrl).join(',');
      throw new ConfigurationError(
        'CONFIG_VALUE_INVALID',
        `The bus ${address} is given twice. Give it once, or the second one another name.`,
        { parameters: { key: 'bus', address } },
      );
    }
    seen.add(key);
  }
}

async function connectBus(configuration: BusConfiguration, known: Formats): Promise<Bus> {
  const { url, name, exchange, unroutable, tls } = configuration;
  const urls = typeof url === 'string' ? [url] : url;
  const schemes = new Set(urls.map((address) => /^([a-z]+):/i.exec(address)?.[1]?.toLowerCase()));
  const isKafka = schemes.size > 0 && [...schemes].every((each) => /^kafkas?$/.test(each ?? ''));
  const isNats = schemes.size > 0 && [...schemes].every((each) => /^(nats|tls)$/.test(each ?? ''));
  const transport = isKafka ? 'kafka' : isNats ? 'nats' : 'amqp';
  const format =
    configuration.format === undefined
      ? {}
      : { format: known.get(configuration.format, transport) };
  if (isNats) return natsBus(configuration, urls, format);
  if (isKafka) return kafkaBus(configuration, urls, format);
  if (schemes.size === 1 && schemes.has('memory')) {
    return memoryBus({ ...(name === undefined ? {} : { name }), ...format });
  }
  for (const scheme of schemes) {
    if (scheme !== 'amqp' && scheme !== 'amqps') {
      throw new ConfigurationError(
        'CONFIG_VALUE_INVALID',
        `A bus address must begin with amqp://, amqps://, kafka://, kafkas://, nats://, tls:// or memory:, not ` +
          `${scheme === undefined ? 'without a scheme' : `'${scheme}:'`}.`,
        { parameters: { key: 'bus', scheme: scheme ?? null } },
      );
    }
  }
  return rabbitmq({
    url: urls,
    ...(name === undefined ? {} : { name }),
    ...(exchange === undefined ? {} : { exchange }),
    ...(unroutable === undefined ? {} : { unroutable }),
    ...format,
    ...(tls === undefined ? {} : { tls: readTls(tls) }),
  });
}

/** The client of NATS is loaded by those who use it: whoever does not need not install it. */
async function natsBus(
  configuration: BusConfiguration,
  urls: readonly string[],
  format: { readonly format?: Format },
): Promise<Bus> {
  refuseRabbitmqOptions(configuration, 'a NATS bus has a stream in its address');
  const { name, tls } = configuration;
  const { nats } = await import('../delivery/nats/index.js').catch((cause: unknown) => {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      "The client of NATS is not installed. Run 'npm install @nats-io/transport-node @nats-io/jetstream'.",
      { parameters: { package: '@nats-io/transport-node' }, cause },
    );
  });
  for (const name of ['passphrase', 'servername'] as const) {
    if (tls?.[name] === undefined) continue;
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `'bus.tls.${name}' is not known to the client of NATS: give ${name === 'passphrase' ? 'a key without one' : 'the name in the address'}.`,
      { parameters: { key: `bus.tls.${name}` } },
    );
  }
  const { ca, cert, key } = tls === undefined ? {} : readTls(tls);
  return nats({
    ...natsAddress(urls),
    ...(name === undefined ? {} : { name }),
    ...format,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(ca === undefined ? {} : { ca: ca.toString() }),
            ...(cert === undefined ? {} : { cert: cert.toString() }),
            ...(key === undefined ? {} : { key: key.toString() }),
          },
        }),
  });
}

function refuseRabbitmqOptions({ exchange, unroutable }: BusConfiguration, instead: string): void {
  for (const [key, value] of Object.entries({ exchange, unroutable })) {
    if (value === undefined) continue;
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `'bus.${key}' is of RabbitMQ; ${instead}.`,
      { parameters: { key: `bus.${key}` } },
    );
  }
}

function kafkaBus(
  configuration: BusConfiguration,
  urls: readonly string[],
  format: { readonly format?: Format },
): Bus {
  refuseRabbitmqOptions(configuration, 'a Kafka bus has a topic in its address');
  const { name, tls } = configuration;
  return kafka({
    ...kafkaAddress(urls),
    ...(name === undefined ? {} : { name }),
    ...format,
    ...(tls === undefined ? {} : { tls: readTls(tls) }),
  });
}

function readTls({ ca, cert, key, passphrase, servername }: NonNullable<BusConfiguration['tls']>) {
  return {
    ...(ca === undefined ? {} : { ca: readPem('bus.tls.ca', ca) }),
    ...(cert === undefined ? {} : { cert: readPem('bus.tls.cert', cert) }),
    ...(key === undefined ? {} : { key: readPem('bus.tls.key', key) }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(servername === undefined ? {} : { servername }),
  };
}

function readPem(configurationKey: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `'${configurationKey}' names a file that cannot be read: ${path}.`,
      { parameters: { key: configurationKey, path }, cause },
    );
  }
}
