import { ConfigurationError } from '../../core/errors/errors.js';
import { unreadPart } from '../bus/address-parameters.js';
import type { KafkaSasl } from './driver.js';
import type { KafkaOptions } from './options.js';

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

/**
 * Pure. The options that addresses stand for: `kafka://host:9092/topic`, `kafkas:` for TLS, several of
 * one cluster, with `user:password@` and `?sasl=scram-sha-256` (default `plain`) where it asks who the
 * client is; or `kafka:<path>` of a `kafka.producer.properties`. Throws ConfigurationError
 * CONFIG_VALUE_INVALID, without the address.
 */
export function kafkaAddress(addresses: readonly string[]): KafkaOptions {
  const [first = ''] = addresses;
  if (/^kafka:(?!\/\/)/i.test(first)) {
    if (addresses.length > 1) throw invalid('names one properties file');
    return { properties: first.slice('kafka:'.length) };
  }
  const urls = addresses.map(parse);
  const options = urls.map(optionsOf);
  const same = new Set(options.map((each) => JSON.stringify(each)));
  if (same.size !== 1) throw invalid('has the same topic, user and TLS for all brokers');
  return {
    ...options[0],
    brokers: urls.map(({ hostname, port }) => `${hostname}:${port || 9092}`),
  };
}

function parse(address: string): URL {
  // The rules for hosts are those of http; other schemes let anything pass.
  const [, scheme = '', rest = ''] = /^(kafkas?):\/\/(.*)$/is.exec(address) ?? [];
  if (scheme === '' || !URL.canParse(`http://${rest}`)) {
    throw invalid('is a URL such as kafka://host:9092/topic, or kafka:<properties file>');
  }
  const url = new URL(`http://${rest}`);
  const unread = unreadPart(url, ['sasl']);
  if (unread !== undefined) throw invalid(`has the parameter sasl at most; got ${unread}`);
  url.hash = scheme.toLowerCase();
  return url;
}

function optionsOf(url: URL): KafkaOptions {
  const topic = decode(url.pathname.replace(/^\/|\/$/g, ''));
  return {
    ...(topic === '' ? {} : { topic }),
    ...(url.hash === '#kafkas' ? { tls: true } : {}),
    ...(url.username === '' ? {} : { sasl: saslOf(url) }),
  };
}

function saslOf(url: URL): KafkaSasl {
  const wanted = (url.searchParams.get('sasl') ?? 'plain').toLowerCase();
  const mechanism = mechanisms.find((each) => each === wanted);
  if (mechanism === undefined) throw invalid(`has a sasl of ${mechanisms.join(', ')}`);
  return { mechanism, username: decode(url.username), password: decode(url.password) } as KafkaSasl;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has no stray %; write it %25');
  }
}

function invalid(problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `A Kafka bus address ${problem}.`, {
    parameters: { key: 'bus' },
  });
}
