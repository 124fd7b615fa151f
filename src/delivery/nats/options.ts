import { ConfigurationError } from '../../core/errors/errors.js';
import type { Format } from '../formats/format.js';
import type { CredentialsProvider } from '../bus/credentials.js';
import { unreadPart } from '../bus/address-parameters.js';
import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import {
  busName,
  callback,
  either,
  listOf,
  longestTimer,
  matching,
  options,
  required,
  text,
  whole,
} from '../../core/options/fields.js';
import { formatField } from '../formats/formats.js';
import type { BusNoticeListener } from '../bus/notice.js';
import type { NatsCredentials } from './credentials.js';

/** How to reach a server over TLS. The certificate and its host name are always checked. */
export interface NatsTls {
  /** The authorities to trust, in PEM; default those of Node. */
  readonly ca?: string;
  /** The client's certificate, in PEM, for servers that demand one. */
  readonly cert?: string;
  /** The key of the client's certificate, in PEM. */
  readonly key?: string;
}

/** Where NATS is, and how to use its JetStream. */
export interface NatsOptions {
  /**
   * `nats://user:password@host:4222`, `nats://token@host`, or `tls:` for TLS. Several are the servers of
   * one cluster; all have the same credentials.
   */
  readonly url: string | readonly string[];
  /**
   * Gives what the server asks for, valid now: a user, a token, the text of a `.creds` file, an NKey or a
   * JWT. Called at each attempt to connect, also when a lost connection is made again. Default the user or
   * token of the address, which then must have none. One that fails, or takes longer than 5 s, is told as
   * BUS_UNAVAILABLE, and is asked again later.
   *
   * @example
   * nats({
   *   url: 'tls://nats.example',
   *   credentials: async () => ({ creds: await readFile('/run/secrets/cloud.creds', 'utf8') }),
   * });
   */
  readonly credentials?: CredentialsProvider<NatsCredentials>;
  /** Unique among the buses of one relay. Default `nats`. */
  readonly name?: string;
  /**
   * The stream that keeps what is published, made when it is missing. Default `signalbox`. Subjects and
   * the streams of pools and dead letters take their names from it: letters, digits, `-` and `_`.
   */
  readonly stream?: string;
  /** Certificates for `tls:`. Default none. */
  readonly tls?: NatsTls;
  /** Servers of a cluster that keep each message, 1 to 5. Default 1; 3 survives the loss of one. */
  readonly replicas?: number;
  /**
   * Milliseconds that the stream keeps a message, handled or not. Default 7 days: a pool that is away
   * for longer misses what is older. Fixed when the stream is made.
   */
  readonly maxAge?: number;
  /**
   * Milliseconds in which a message published again under the same id is stored once. Default 120,000.
   * Fixed when the stream is made.
   */
  readonly duplicateWindow?: number;
  /** How many messages may be unconfirmed at once. Default 500. */
  readonly publishWindow?: number;
  /** Milliseconds that a publish may take before it rejects with BUS_UNAVAILABLE. Default 30,000. */
  readonly publishTimeout?: number;
  /**
   * Milliseconds after which the server gives a delivery of a dead member to another. Members renew it
   * for what they have in hand. Default 10,000. Three times as long, and the active member of an ordered
   * pool that died is replaced. Shorter takes over sooner, and mistakes a stalled process for a dead one.
   */
  readonly ackWait?: number;
  /**
   * How often a handler may begin a redelivered message and its process end before the handler does,
   * until the message is dead-lettered. Default 20. What a member only held is not counted.
   */
  readonly deliveryLimit?: number;
  /** How events look on this bus. Default that of `createSignalbox`, which is `cloudEvents`. */
  readonly format?: Format;
  /** Told of connections, retries, dead letters and the like. */
  readonly on?: BusNoticeListener;
}

/** Schema of the options of `nats()`. */
export const natsSchema = optionsOf<NatsOptions>('nats()', {
  url: required(either(text(1), listOf(text(1), 1))),
  credentials: callback,
  name: busName,
  stream: matching(/^[\w-]{1,64}$/, '1 to 64 letters, digits, - and _'),
  tls: options<NatsTls>({ ca: text(1), cert: text(1), key: text(1) }),
  replicas: whole(1, 5),
  maxAge: whole(1_000),
  duplicateWindow: whole(100),
  publishWindow: whole(1, 65_535),
  publishTimeout: whole(1, longestTimer),
  ackWait: whole(100, longestTimer),
  deliveryLimit: whole(1, longestTimer),
  format: formatField,
  on: callback,
});

/** The options with their defaults, the addresses without their credentials. */
export interface NatsSettings {
  readonly name: string;
  readonly stream: string;
  readonly servers: readonly string[];
  readonly credentials: {
    readonly user?: string;
    readonly pass?: string;
    readonly token?: string;
  };
  readonly provider: CredentialsProvider<NatsCredentials> | undefined;
  readonly secure: boolean;
  readonly tls: NatsTls;
  readonly replicas: number;
  readonly maxAge: number;
  readonly duplicateWindow: number;
  readonly publishWindow: number;
  readonly publishTimeout: number;
  readonly ackWait: number;
  readonly deliveryLimit: number;
  readonly format: Format | undefined;
}

const sevenDays = 7 * 24 * 60 * 60 * 1000;

/** Pure. Throws ConfigurationError CONFIG_VALUE_INVALID, without the address, for what cannot work. */
export function completeNatsOptions(given: NatsOptions): NatsSettings {
  checkOptions(natsSchema, given);
  const { name = 'nats', stream = 'signalbox', tls = {}, format } = given;
  const urls = typeof given.url === 'string' ? [given.url] : given.url;
  const read = readUrls(urls);
  if (given.credentials !== undefined && urls.some((url) => new URL(url).username !== '')) {
    throw invalid('url', 'has no user and no token when credentials is given');
  }
  return {
    name,
    stream,
    ...read,
    provider: given.credentials,
    tls,
    replicas: given.replicas ?? 1,
    maxAge: given.maxAge ?? sevenDays,
    duplicateWindow: given.duplicateWindow ?? 120_000,
    publishWindow: given.publishWindow ?? 500,
    publishTimeout: given.publishTimeout ?? 30_000,
    ackWait: given.ackWait ?? 10_000,
    deliveryLimit: given.deliveryLimit ?? 20,
    format,
  };
}

function readUrls(
  urls: readonly string[],
): Pick<NatsSettings, 'servers' | 'credentials' | 'secure'> {
  const parsed = urls.map((url) => (URL.canParse(url) ? new URL(url) : undefined));
  const [first] = parsed;
  if (first === undefined || !parsed.every((url) => url !== undefined)) {
    throw invalid('url', 'is an address such as nats://user:password@host:4222, or a list of them');
  }
  if (!parsed.every(({ protocol }) => protocol === 'nats:' || protocol === 'tls:')) {
    throw invalid('url', 'begins with nats:// or tls://');
  }
  for (const url of parsed) {
    const unread = unreadPart(url);
    if (unread !== undefined) {
      throw invalid('url', `has no parameters; got ${unread}. Give it as an option`);
    }
    if (!/^\/?$/.test(url.pathname))
      throw invalid('url', 'has no path; give the stream as an option');
    if (url.protocol !== first.protocol) {
      throw invalid('url', 'begins with tls:// for all servers, or for none');
    }
    if (
      url.username !== '' &&
      (url.username !== first.username || url.password !== first.password)
    ) {
      throw invalid('url', 'has the same user and password for all servers');
    }
  }
  const [user, pass] = [decode(first.username), decode(first.password)];
  return {
    servers: parsed.map(({ hostname, port }) => `${hostname}:${port === '' ? '4222' : port}`),
    secure: first.protocol === 'tls:',
    credentials: user === '' ? {} : pass === '' ? { token: user } : { user, pass },
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('url', 'has no stray %; write it %25');
  }
}

function invalid(key: keyof NatsOptions, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `The option ${key} of nats() ${problem}.`, {
    parameters: { key },
  });
}
