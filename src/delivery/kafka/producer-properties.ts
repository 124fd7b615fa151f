import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { KafkaSasl, KafkaTls } from './driver.js';
import { parseProperties } from './properties.js';

/** The properties of a `kafka.producer.properties` file that the bus uses. */
export interface ProducerProperties {
  readonly brokers?: readonly string[];
  readonly topic?: string;
  readonly clientId?: string;
  readonly publishTimeout?: number;
  readonly requestTimeout?: number;
  readonly batchBytes?: number;
  readonly tls?: KafkaTls | true;
  readonly sasl?: KafkaSasl;
}

/**
 * Reads the properties of a Kafka producer, such as the `kafka.producer.properties` of CloudStack.
 * Throws ConfigurationError: CONFIG_FILE_INVALID for a file that cannot be read, CONFIG_VALUE_INVALID
 * for a property that would break what the bus promises (`acks` other than `all`) or that it cannot take
 * (key stores that are not PEM). Properties that only tune a Java client are ignored. Passwords are never
 * in a message.
 */
export function readProducerProperties(path: string): ProducerProperties {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigurationError('CONFIG_FILE_INVALID', `Cannot read the file ${path}.`, {
      parameters: { path },
      cause,
    });
  }
  return producerProperties(parseProperties(text), (file) => readPem(path, file));
}

/**
 * Pure but for `readFile`. What the properties mean.
 *
 * @param readFile reads a PEM file that a property names
 */
export function producerProperties(
  properties: ReadonlyMap<string, string>,
  readFile: (path: string) => string,
): ProducerProperties {
  const get = (key: string): string | undefined => properties.get(key)?.trim() || undefined;
  const acks = get('acks');
  if (acks !== undefined && acks !== 'all' && acks !== '-1') {
    throw invalid(
      'acks',
      `is ${acks}: only all replicas together keep what was confirmed; use all`,
    );
  }
  const brokers = get('bootstrap.servers')
    ?.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  const protocol = (get('security.protocol') ?? 'PLAINTEXT').toUpperCase();
  if (!/^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$/.test(protocol)) {
    throw invalid('security.protocol', 'is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL');
  }
  const topic = get('topic');
  const clientId = get('client.id');
  return {
    ...(brokers === undefined ? {} : { brokers }),
    ...(topic === undefined ? {} : { topic }),
    ...(clientId === undefined ? {} : { clientId }),
    ...number(get, 'delivery.timeout.ms', 'publishTimeout'),
    ...number(get, 'request.timeout.ms', 'requestTimeout'),
    ...number(get, 'max.request.size', 'batchBytes'),
    ...(protocol.endsWith('SSL') ? { tls: tlsOf(get, readFile) } : {}),
    ...(protocol.startsWith('SASL') ? { sasl: saslOf(get) } : {}),
  };
}

type Get = (key: string) => string | undefined;

function number<K extends string>(get: Get, key: string, name: K): Partial<Record<K, number>> {
  const text = get(key);
  if (text === undefined) return {};
  if (!/^\d{1,15}$/.test(text)) throw invalid(key, 'is a whole number');
  return { [name]: Number(text) } as Partial<Record<K, number>>;
}

function tlsOf(get: Get, readFile: (path: string) => string): KafkaTls | true {
  const passphrase = get('ssl.key.password');
  const ca = pem(get, readFile, 'ssl.truststore', 'ssl.truststore.certificates');
  const cert = get('ssl.keystore.certificate.chain');
  const key = get('ssl.keystore.key');
  const both = pem(get, readFile, 'ssl.keystore', 'ssl.keystore.key');
  const tls: KafkaTls = {
    ...(ca === undefined ? {} : { ca }),
    // A PEM key store holds the key and the certificates in one file.
    ...(cert !== undefined ? { cert } : both === undefined ? {} : { cert: both }),
    ...(key !== undefined ? { key } : both === undefined ? {} : { key: both }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
  return Object.keys(tls).length === 0 ? true : tls;
}

function pem(
  get: Get,
  readFile: (path: string) => string,
  store: string,
  inline: string,
): string | undefined {
  const text = get(inline);
  if (text !== undefined) return text;
  const location = get(`${store}.location`);
  if (location === undefined) return undefined;
  const type = (get(`${store}.type`) ?? 'JKS').toUpperCase();
  if (type !== 'PEM') {
    throw invalid(`${store}.type`, `is ${type}, which only Java reads; convert it to PEM`);
  }
  return readFile(location);
}

const mechanisms = {
  PLAIN: 'plain',
  'SCRAM-SHA-256': 'scram-sha-256',
  'SCRAM-SHA-512': 'scram-sha-512',
} as const;

function saslOf(get: Get): KafkaSasl {
  const name = (get('sasl.mechanism') ?? 'GSSAPI').toUpperCase();
  if (!Object.hasOwn(mechanisms, name)) {
    throw invalid('sasl.mechanism', `is ${name}; PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are read`);
  }
  const mechanism = mechanisms[name as keyof typeof mechanisms];
  const jaas = get('sasl.jaas.config') ?? '';
  const username = jaasOption(jaas, 'username');
  const password = jaasOption(jaas, 'password');
  if (username === undefined || password === undefined) {
    throw invalid('sasl.jaas.config', 'has no username="…" and password="…"');
  }
  return { mechanism, username, password } as KafkaSasl;
}

function jaasOption(jaas: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}\\s*=\\s*(?:"((?:\\\\.|[^"\\\\])*)"|([^\\s;"]+))`).exec(jaas);
  return found?.[1]?.replaceAll(/\\(.)/g, '$1') ?? found?.[2];
}

function readPem(from: string, path: string): string {
  const file = resolve(dirname(from), path);
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `${from} names ${path}, which cannot be read.`,
      {
        parameters: { path },
        cause,
      },
    );
  }
}

function invalid(key: string, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `kafka: the property ${key} ${problem}.`, {
    parameters: { key },
  });
}
