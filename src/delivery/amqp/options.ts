import { ConfigurationError } from '../../core/errors/errors.js';
import type { Format } from '../formats/format.js';
import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import {
  busName,
  callback,
  either,
  having,
  listOf,
  longestTimer,
  matching,
  oneOf,
  options,
  required,
  text,
  whole,
  type Fields,
} from '../../core/options/fields.js';
import { formatField } from '../formats/formats.js';
import type { BusNoticeListener } from '../bus/notice.js';
import type { CredentialsProvider, PasswordCredentials } from '../bus/credentials.js';
import { unreadPart } from '../bus/address-parameters.js';
import { assertExchange, type RabbitmqExchange } from './declarations.js';
import { maskUrl } from './mask-url.js';

/** How to reach a broker over TLS. The certificate and its host name are always checked. */
export interface RabbitmqTls {
  /** The authorities to trust, in PEM; default those of Node. Give a self-signed certificate here. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** The client's certificate, in PEM, for brokers that demand one. */
  readonly cert?: string | Buffer;
  /** The key of the client's certificate, in PEM. */
  readonly key?: string | Buffer;
  /** Opens an encrypted key. */
  readonly passphrase?: string;
  /** The name that the broker's certificate must carry; default the host of the URL. */
  readonly servername?: string;
}

/** Where a RabbitMQ broker is, and how to use it. */
export interface RabbitmqOptions {
  /**
   * `amqp://user:password@host:5672/vhost`, or `amqps:` for TLS. Several are tried in turn, as the nodes
   * of one cluster. `/` in a virtual host is written `%2F`.
   */
  readonly url: string | readonly string[];
  /**
   * Gives the user and password that are valid now: called at each attempt to connect, also when a lost
   * connection is made again. Default those of the address, which then must have none. One that fails, or
   * takes longer than `connectTimeout`, is told as BUS_UNAVAILABLE, and is asked again later.
   *
   * @example
   * rabbitmq({
   *   url: 'amqps://mq.example/cloud',
   *   credentials: async () => ({ username: 'cloud', password: await vault.read('mq') }),
   * });
   */
  readonly credentials?: CredentialsProvider<PasswordCredentials>;
  /** Unique among the buses of one relay. Default `rabbitmq`. */
  readonly name?: string;
  /**
   * The topic exchange. Default `signalbox`. Queues take their names from it, so systems that share a
   * virtual host need one each. A name is declared durable. To publish on an exchange that belongs to
   * somebody else, give the settings that its owner declares, such as `osloExchange('nova')`.
   */
  readonly exchange?: string | RabbitmqExchange;
  /** Put before the name of each queue, for brokers that grant permissions by prefix. Default none. */
  readonly queuePrefix?: string;
  /** Certificates for `amqps:`. Default none: the authorities of Node, no client certificate. */
  readonly tls?: RabbitmqTls;
  /**
   * Seconds between signs of life; a peer is dead after two without one. Default 10. Less finds a dead
   * peer sooner and mistakes a long pause for one; 0 turns it off.
   */
  readonly heartbeat?: number;
  /** Milliseconds for one attempt to connect to one host. Default 10,000. */
  readonly connectTimeout?: number;
  /**
   * How many messages may be unconfirmed at once. Default 1000. More hides a long round trip; each may
   * be published a second time after a fault.
   */
  readonly publishWindow?: number;
  /**
   * Milliseconds that a publish may take, waiting for a connection, a blocked broker and the confirm,
   * before it rejects with BUS_UNAVAILABLE. Default 30,000. Less finds a queue that has lost its leader
   * sooner, and publishes more twice when the broker is slow. A broker that was never reached is not
   * waited for: the publish rejects when every host was tried.
   */
  readonly publishTimeout?: number;
  /**
   * How often a handler may begin a redelivered message and its process end before the handler does,
   * until the message is dead-lettered. Default 20. What a member only held is not counted.
   */
  readonly deliveryLimit?: number;
  /**
   * Milliseconds that the broker lets a consumer keep a delivery (its `consumer_timeout`); 0 when it has
   * no limit. Default 1,800,000, as the broker's. Deliveries are given back, in order, before it acts.
   * Where the broker's is shorter, that is learned when it closes the first channel.
   */
  readonly consumerTimeout?: number;
  /**
   * Handling of messages that no binding matches. `report` (default): it is dropped, and `publish` tells
   * so. `keep`: a queue `<exchange>/unroutable` holds it. An alternate exchange of your own: it goes
   * there. The last two are fixed when the exchange is made.
   */
  readonly unroutable?: 'report' | 'keep' | { readonly alternateExchange: string };
  /**
   * How events look on this bus, such as `cloudStack` for consumers of CloudStack's. Default that of
   * `createSignalbox`, which is `cloudEvents`.
   */
  readonly format?: Format;
  /** Told of connections, blocks, retries, dead letters and the like. */
  readonly on?: BusNoticeListener;
}

const pem = either(text(1), having('a Buffer', 'byteLength'));

const rabbitmqTlsFields: Fields<RabbitmqTls> = {
  ca: either(pem, listOf(pem, 1)),
  cert: pem,
  key: pem,
  passphrase: text(),
  servername: text(1),
};

/** Schema of the options of `rabbitmq()`. */
export const rabbitmqSchema = optionsOf<RabbitmqOptions>('rabbitmq()', {
  url: required(either(text(1), listOf(text(1), 1))),
  credentials: callback,
  name: busName,
  exchange: either(
    matching(/^[\w.:-]{1,80}$/, '1 to 80 letters, digits, dots, colons, dashes or underscores'),
    having('the settings of an exchange', 'name'),
  ),
  queuePrefix: matching(
    /^[\w.:/-]{0,60}$/,
    'at most 60 letters, digits, dots, colons, slashes or dashes',
  ),
  tls: options<RabbitmqTls>(rabbitmqTlsFields),
  heartbeat: whole(0, 3600),
  connectTimeout: whole(1, 600_000),
  publishWindow: whole(1, 65_535),
  publishTimeout: whole(1, 3_600_000),
  deliveryLimit: whole(1, 1_000_000),
  consumerTimeout: whole(0, longestTimer),
  unroutable: either(
    oneOf('report', 'keep'),
    options<{ alternateExchange: string }>({ alternateExchange: required(text(1, 127)) }),
  ),
  format: formatField,
  on: callback,
});

/** One host to connect to. */
export interface RabbitmqHost {
  /** The URL without its password, for messages. */
  readonly label: string;
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Percent-encoded, as amqplib wants it; empty for `/`. */
  readonly vhost: string;
}

/** Options with their defaults. */
export interface RabbitmqSettings {
  readonly name: string;
  readonly hosts: readonly RabbitmqHost[];
  readonly credentials: CredentialsProvider<PasswordCredentials> | undefined;
  readonly exchange: string;
  /** How the exchange is declared. */
  readonly declaration: RabbitmqExchange;
  readonly queuePrefix: string;
  readonly tls: RabbitmqTls | undefined;
  readonly heartbeat: number;
  readonly connectTimeout: number;
  readonly publishWindow: number;
  readonly publishTimeout: number;
  readonly deliveryLimit: number;
  readonly consumerTimeout: number;
  readonly unroutable: 'report' | 'keep' | { readonly alternateExchange: string };
  readonly format: Format | undefined;
}

/** Pure. Throws ConfigurationError CONFIG_VALUE_INVALID, which names the option and never a password. */
export function completeRabbitmqOptions(given: RabbitmqOptions): RabbitmqSettings {
  checkOptions(rabbitmqSchema, given);
  const urls = typeof given.url === 'string' ? [given.url] : given.url;
  const hosts = urls.map(parseHost);
  const { queuePrefix = '', unroutable = 'report' } = given;
  const declaration = ownExchange(given.exchange ?? 'signalbox', unroutable);
  const exchange = declaration.name;
  // The slash is what keeps the names of an exchange's queues apart from those of any other exchange.
  if (!/^[\w.:-]{1,80}$/.test(exchange)) {
    throw invalid('exchange', 'is 1 to 80 letters, digits, dots, colons, dashes or underscores');
  }
  if (given.credentials !== undefined && urls.some((url) => new URL(url).username !== '')) {
    throw invalid('url', 'has no user when credentials is configured');
  }
  if (given.tls !== undefined && hosts.some(({ secure }) => !secure)) {
    throw invalid('url', 'begins with amqps: when tls is configured');
  }
  return {
    name: given.name ?? 'rabbitmq',
    hosts,
    credentials: given.credentials,
    exchange,
    declaration,
    queuePrefix,
    tls: given.tls,
    heartbeat: given.heartbeat ?? fitting('heartbeat', parameter(urls, 'heartbeat')) ?? 10,
    connectTimeout:
      given.connectTimeout ??
      fitting('connectTimeout', parameter(urls, 'connection_timeout')) ??
      10_000,
    publishWindow: given.publishWindow ?? 1000,
    publishTimeout: given.publishTimeout ?? 30_000,
    deliveryLimit: given.deliveryLimit ?? 20,
    consumerTimeout: given.consumerTimeout ?? 1_800_000,
    unroutable,
    format: given.format,
  };
}

/** A number of an address, held to what the option of that meaning takes. */
function fitting(key: keyof RabbitmqOptions, value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  const misfit = rabbitmqSchema.fields[key]?.misfit(value);
  if (misfit !== undefined) throw invalid(key, `must be ${misfit.takes}; got ${value}`);
  return value;
}

function ownExchange(
  exchange: string | RabbitmqExchange,
  unroutable: RabbitmqSettings['unroutable'],
): RabbitmqExchange {
  if (typeof exchange === 'string') return { name: exchange };
  assertExchange(exchange, 'exchange');
  if (exchange.type !== undefined && exchange.type !== 'topic') {
    throw invalid('exchange', 'is a topic exchange');
  }
  if (unroutable !== 'report') {
    throw invalid('unroutable', "is 'report' on an exchange that is declared as its owner does");
  }
  return exchange;
}

/** Of the first address that has it; the option of that name goes before it. */
function parameter(urls: readonly string[], name: string): number | undefined {
  const found = urls
    .map((url) => new URL(url).searchParams.get(name))
    .find((each) => each !== null);
  if (found === undefined || found === null) return undefined;
  return found.trim() === '' ? Number.NaN : Number(found);
}

function parseHost(text: string): RabbitmqHost {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid('url', 'is a URL such as amqp://user:password@host:5672/vhost');
  }
  if (url.protocol !== 'amqp:' && url.protocol !== 'amqps:') {
    throw invalid('url', `begins with amqp: or amqps:, not ${url.protocol}`);
  }
  const unread = unreadPart(url, ['heartbeat', 'connection_timeout']);
  if (unread !== undefined) {
    throw invalid(
      'url',
      `has ${unread}, which is not known; heartbeat (seconds) and connection_timeout (milliseconds) are, all else is an option`,
    );
  }
  const secure = url.protocol === 'amqps:';
  const anonymous = url.username === '' && url.password === '';
  try {
    return {
      label: maskUrl(text),
      secure,
      hostname: url.hostname.replace(/^\[|\]$/g, '') || 'localhost',
      port: url.port === '' ? (secure ? 5671 : 5672) : Number(url.port),
      username: anonymous ? 'guest' : decodeURIComponent(url.username),
      password: anonymous ? 'guest' : decodeURIComponent(url.password),
      vhost: url.pathname.slice(1),
    };
  } catch {
    throw invalid('url', 'has a stray % in its user or password; write it %25');
  }
}

function invalid(key: string, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `rabbitmq: ${key} ${problem}.`, {
    parameters: { key },
  });
}
