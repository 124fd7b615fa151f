import { ConfigurationError } from '../../core/errors/errors.js';
import { cloudEventsBinary } from '../formats/cloudevents-binary.js';
import type { Format } from '../formats/format.js';
import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import {
  busName,
  callback,
  either,
  flag,
  having,
  listOf,
  matching,
  oneOf,
  options,
  required,
  text,
  whole as wholeField,
  type Field,
} from '../../core/options/fields.js';
import { formatField } from '../formats/formats.js';
import type { BusNoticeListener } from '../bus/notice.js';
import type { KafkaClientConfig, KafkaDriver, KafkaSasl, KafkaTls } from './driver.js';
import { readProducerProperties, type ProducerProperties } from './producer-properties.js';

/** Where a Kafka cluster is, and how to use it. */
export interface KafkaOptions {
  /** `host:9092` of one or several brokers to begin with; the cluster tells of the others. */
  readonly brokers?: string | readonly string[];
  /**
   * Path of a `kafka.producer.properties`, as Java producers and CloudStack have: what it says holds
   * unless an option says otherwise. See `docs/kafka.md` for the properties that are read.
   */
  readonly properties?: string;
  /** Topic of all events. Default `signalbox`. */
  readonly topic?: string;
  /** Unique among the buses of one relay. Default `kafka`. */
  readonly name?: string;
  /** Name of this client in the cluster's logs and quotas. Default `signalbox`. */
  readonly clientId?: string;
  /** Encrypts the connections; `true` trusts the authorities of Node. Default none. */
  readonly tls?: KafkaTls | boolean;
  /** Authentication of the client. Default nobody. */
  readonly sasl?: KafkaSasl;
  /** Milliseconds for one attempt to connect to one broker. Default 10,000. */
  readonly connectTimeout?: number;
  /** Milliseconds that one request may take. Default 30,000. */
  readonly requestTimeout?: number;
  /**
   * Milliseconds that a publish may take, with everything that is tried again, before it rejects with
   * BUS_UNAVAILABLE. Default 30,000.
   */
  readonly publishTimeout?: number;
  /** How many messages go into one request. Default 500. */
  readonly batchCount?: number;
  /**
   * How many bytes go into one request; a larger message goes alone. Default 900,000. Keep it below
   * the cluster's `message.max.bytes` (1 MiB unless configured), which one request to a partition counts as.
   */
  readonly batchBytes?: number;
  /**
   * Milliseconds after which a member that says nothing is taken for dead, and its partitions are given
   * to others. Default 30,000; the cluster bounds it (6 seconds to 30 minutes unless configured). Less
   * takes over sooner; handlers that run at a rebalance are waited for two thirds of it.
   */
  readonly sessionTimeout?: number;
  /**
   * Milliseconds between commits of what was handled. Default 100. What was handled since the last is
   * handled again after a crash; each commit is a request.
   */
  readonly commitInterval?: number;
  /**
   * How many processes may end while the handler of a record is under way, before it is dead-lettered.
   * Default 20.
   */
  readonly deliveryLimit?: number;
  /**
   * How events look on it. Default `cloudEventsBinary('kafka')`: the data is the value, and the
   * attributes are headers, as the Kafka binding of CloudEvents says.
   */
  readonly format?: Format;
  /** Told of retries, dead letters, rebalances that lose the group and the like. */
  readonly on?: BusNoticeListener;
  /**
   * Makes the client instead of kafkajs: anything of the shape of KafkaJS's `Kafka`, such as that of
   * `@confluentinc/kafka-javascript`, or kafkajs with options of your own.
   */
  readonly driver?: (config: KafkaClientConfig) => KafkaDriver | Promise<KafkaDriver>;
}

const pem = either(text(1), having('a Buffer', 'byteLength'));

const password = (mechanism: string): Field =>
  options<{ mechanism: string; username: string; password: string }>({
    mechanism: required(oneOf(mechanism)),
    username: required(text(1)),
    password: required(text()),
  });

/** Schema of the options of `kafka()`. */
export const kafkaSchema = optionsOf<KafkaOptions>('kafka()', {
  brokers: either(text(1), listOf(text(1), 1)),
  properties: text(1),
  topic: matching(
    /^(?!\.{1,2}$)[\w.-]{1,100}$/,
    '1 to 100 letters, digits, dots, dashes or underscores',
  ),
  name: busName,
  clientId: text(1),
  tls: either(
    flag,
    options<KafkaTls>({
      ca: either(pem, listOf(pem, 1)),
      cert: pem,
      key: pem,
      passphrase: text(),
      servername: text(1),
    }),
  ),
  sasl: either(
    password('plain'),
    password('scram-sha-256'),
    password('scram-sha-512'),
    options<{ mechanism: string; credentials: unknown }>({
      mechanism: required(oneOf('plain', 'scram-sha-256', 'scram-sha-512')),
      credentials: required(callback),
    }),
    options<{ mechanism: string; oauthBearerProvider: unknown }>({
      mechanism: required(oneOf('oauthbearer')),
      oauthBearerProvider: required(callback),
    }),
  ),
  connectTimeout: wholeField(1, 600_000),
  requestTimeout: wholeField(1, 600_000),
  publishTimeout: wholeField(1, 3_600_000),
  batchCount: wholeField(1, 100_000),
  batchBytes: wholeField(1, 1_000_000_000),
  sessionTimeout: wholeField(1_000, 1_800_000),
  commitInterval: wholeField(1, 60_000),
  deliveryLimit: wholeField(1),
  format: formatField,
  on: callback,
  driver: callback,
});

/** Options with their defaults. */
export interface KafkaSettings {
  readonly name: string;
  readonly topic: string;
  readonly client: KafkaClientConfig;
  readonly publishTimeout: number;
  readonly batchCount: number;
  readonly batchBytes: number;
  readonly sessionTimeout: number;
  readonly commitInterval: number;
  readonly deliveryLimit: number;
  readonly format: Format;
  readonly driver: KafkaOptions['driver'];
}

/**
 * Pure but for reading `properties`. Throws ConfigurationError CONFIG_VALUE_INVALID, which names the
 * option and never a password.
 */
export function completeKafkaOptions(given: KafkaOptions): KafkaSettings {
  checkOptions(kafkaSchema, given);
  const read: ProducerProperties =
    given.properties === undefined ? {} : readProducerProperties(given.properties);
  const list = given.brokers ?? read.brokers ?? [];
  const brokers = (typeof list === 'string' ? list.split(',') : list).map((each) => each.trim());
  if (brokers.length === 0 || !brokers.every(isBroker)) {
    throw invalid('brokers', 'is host:port of one or several brokers, such as localhost:9092');
  }
  const topic = given.topic ?? read.topic ?? 'signalbox';
  if (!/^[\w.-]{1,100}$/.test(topic) || topic === '.' || topic === '..') {
    throw invalid('topic', 'is 1 to 100 letters, digits, dots, dashes or underscores');
  }
  const tls = given.tls ?? read.tls ?? false;
  const { format = cloudEventsBinary('kafka') } = given;
  const sasl = given.sasl ?? read.sasl;
  const publishTimeout = whole(
    'publishTimeout',
    given.publishTimeout ?? read.publishTimeout ?? 30_000,
    1,
    3_600_000,
  );
  return {
    name: given.name ?? 'kafka',
    topic,
    client: {
      clientId: given.clientId ?? read.clientId ?? 'signalbox',
      brokers,
      ...(tls === false ? {} : { ssl: tls }),
      ...(sasl === undefined ? {} : { sasl }),
      connectionTimeout: whole('connectTimeout', given.connectTimeout ?? 10_000, 1, 600_000),
      requestTimeout: whole(
        'requestTimeout',
        given.requestTimeout ?? read.requestTimeout ?? 30_000,
        1,
        600_000,
      ),
      retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 },
    },
    publishTimeout,
    batchCount: whole('batchCount', given.batchCount ?? 500, 1, 100_000),
    batchBytes: whole(
      'batchBytes',
      given.batchBytes ?? read.batchBytes ?? 900_000,
      1,
      1_000_000_000,
    ),
    sessionTimeout: whole('sessionTimeout', given.sessionTimeout ?? 30_000, 1_000, 1_800_000),
    commitInterval: whole('commitInterval', given.commitInterval ?? 100, 1, 60_000),
    deliveryLimit: given.deliveryLimit ?? 20,
    format,
    driver: given.driver,
  };
}

function isBroker(text: string): boolean {
  const port = Number(
    /^[^\s:/@]+:(\d{1,5})$|^\[[0-9a-fA-F:]+\]:(\d{1,5})$/.exec(text)?.slice(1).find(Boolean),
  );
  return port >= 1 && port <= 65_535;
}

function whole(key: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(key, `is a whole number from ${least} to ${most}; got ${value}`);
}

function invalid(key: string, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `kafka: ${key} ${problem}.`, {
    parameters: { key },
  });
}
