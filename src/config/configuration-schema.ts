import Type from 'typebox';
import type { RelayOptions } from '../delivery/relay/relay-options.js';

const tls = Type.Object(
  {
    ca: Type.Optional(
      Type.String({ description: 'Path of a PEM file with the certificate authority.' }),
    ),
    cert: Type.Optional(Type.String({ description: 'Path of the client certificate, PEM.' })),
    key: Type.Optional(Type.String({ description: "Path of the client certificate's key, PEM." })),
    passphrase: Type.Optional(Type.String({ description: 'Passphrase of the key.' })),
    servername: Type.Optional(
      Type.String({
        description: 'Host name to check the certificate against; default: the URL’s.',
      }),
    ),
  },
  { additionalProperties: false },
);

const bus = Type.Object(
  {
    url: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })], {
      description:
        'amqp://, amqps://, kafka://host:9092/topic, kafkas://, nats://host:4222/stream or tls:// address, or several of one cluster; or kafka:<properties file>.',
    }),
    name: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,64}$',
        description: 'Unique among the buses; default rabbitmq.',
      }),
    ),
    exchange: Type.Optional(Type.String({ minLength: 1, maxLength: 127 })),
    unroutable: Type.Optional(
      Type.Union(
        [
          Type.Literal('report'),
          Type.Literal('keep'),
          Type.Object(
            { alternateExchange: Type.String({ minLength: 1, maxLength: 127 }) },
            { additionalProperties: false },
          ),
        ],
        {
          description: 'What the broker does with a message that no binding wants; default report.',
        },
      ),
    ),
    format: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          'How events look on it: cloudevents (default), cloudevents-binary, cloudstack, oslo, or one of formats.',
      }),
    ),
    tls: Type.Optional(tls),
  },
  { additionalProperties: false },
);

const service = Type.Object(
  {
    host: Type.Optional(Type.String({ minLength: 1, description: 'Default 127.0.0.1.' })),
    port: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 65_535, description: 'Default 8080.' }),
    ),
    tls: Type.Optional(
      Type.Object(
        {
          cert: Type.String({ description: 'Path of the certificate, PEM.' }),
          key: Type.String({ description: 'Path of its key, PEM.' }),
        },
        { additionalProperties: false },
      ),
    ),
    insecurePlaintext: Type.Optional(
      Type.Boolean({ description: 'Listen beyond this machine without TLS, behind a proxy.' }),
    ),
    allowPrivate: Type.Optional(
      Type.Boolean({ description: 'Let endpoints be in private networks.' }),
    ),
    allow: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Networks, addresses, or addresses with a port that endpoints may be at.',
      }),
    ),
    jwt: Type.Optional(
      Type.Object(
        {
          jwks: Type.String({ description: 'Address of the keys of the issuer.' }),
          issuer: Type.String(),
          audience: Type.String(),
          algorithms: Type.Array(Type.String(), { minItems: 1 }),
          claims: Type.Optional(
            Type.Object(
              {
                account: Type.Optional(Type.String()),
                domain: Type.Optional(Type.String()),
                reach: Type.Optional(Type.String()),
                scopes: Type.Optional(Type.String()),
              },
              { additionalProperties: false },
            ),
          ),
        },
        { additionalProperties: false },
      ),
    ),
    hubs: Type.Optional(
      Type.Array(Type.String(), { description: 'WebSub hubs that the Atom feeds name.' }),
    ),
    publicUrl: Type.Optional(
      Type.String({ description: 'Address that callers reach the service by, behind a proxy.' }),
    ),
    lease: Type.Optional(
      Type.Integer({
        minimum: 1000,
        description:
          'Milliseconds after which another process takes over from one that died; default 30,000.',
      }),
    ),
    keepDeliveries: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Milliseconds; default 7 days.' }),
    ),
    keepEvents: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Milliseconds; default 30 days.' }),
    ),
  },
  { additionalProperties: false },
);

/** The schema of `signalbox.config.{ts,js,json}`: the one definition of its type and its checks. */
export const configurationSchema = Type.Object(
  {
    database: Type.Optional(
      Type.String({
        description: 'postgres://, mysql://, mariadb:// or sqlite: address of the database.',
      }),
    ),
    bus: Type.Optional(
      Type.Union([Type.String(), bus, Type.Array(Type.Union([Type.String(), bus]))], {
        description: 'Where events are published: one bus or several.',
      }),
    ),
    formats: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        maxItems: 100,
        description: 'Paths of modules that export formats of your own, for buses to name.',
      }),
    ),
    source: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          'Source of the events that the relay itself announces; default signalbox-relay.',
      }),
    ),
    application: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description:
          'Whose outbox, deadlines and buses: what `createSignalbox` has as `application` or `source`. Default every one (relay), or the only one.',
      }),
    ),
    schema: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 63,
        description:
          'Schema of the signalbox tables; on MySQL and MariaDB their database. Default what the connection finds.',
      }),
    ),
    tablePrefix: Type.Optional(
      Type.String({
        pattern: '^[a-z_][a-z0-9_]{0,31}$',
        description: 'Prefix of the signalbox tables; default signalbox_.',
      }),
    ),
    service: Type.Optional(service),
    // Checked as the code's own: one schema for both.
    relay: Type.Optional(Type.Unsafe<RelayOptions>(Type.Object({}))),
  },
  { additionalProperties: false },
);

/** The contents of a configuration file. */
export interface Configuration {
  /** Address of the database: postgres://, mysql://, mariadb:// or sqlite:. */
  readonly database?: string;
  /** Where events are published: one bus or several, each by its address or with settings. */
  readonly bus?: string | BusConfiguration | readonly (string | BusConfiguration)[];
  /** Paths of modules that export formats of your own, for buses to name. */
  readonly formats?: readonly string[];
  /** Source of the events that the relay itself announces. Default `signalbox-relay`. */
  readonly source?: string;
  /**
   * Application whose outbox, deadlines and buses are used: the `application` or `source` of
   * `createSignalbox`. Default every application (relay), or the only one.
   */
  readonly application?: string;
  /** Schema of the signalbox tables; on MySQL and MariaDB their database. */
  readonly schema?: string;
  /** Prefix of the signalbox tables. Default `signalbox_`. */
  readonly tablePrefix?: string;
  readonly relay?: RelayOptions;
  /** Options of `signalbox serve`. */
  readonly service?: Type.Static<typeof service>;
}

/** One bus of the configuration. */
export interface BusConfiguration {
  /**
   * An address, or several of one cluster: amqp://, amqps://, kafka://host:9092/topic, kafkas://,
   * nats://host:4222/stream, tls:// or kafka:<properties file>.
   */
  readonly url: string | readonly string[];
  /** Unique among the buses. Default `rabbitmq`. */
  readonly name?: string;
  readonly exchange?: string;
  /** Handling of messages that no binding matches. Default `report`. */
  readonly unroutable?: 'report' | 'keep' | { readonly alternateExchange: string };
  /** Format of events on it: a built-in one, or one of `formats`. Default `cloudevents`. */
  readonly format?: string;
  /** Paths of PEM files, and the host name to check the certificate against. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly passphrase?: string;
    readonly servername?: string;
  };
}

type Immutable<T> = T extends object ? { readonly [K in keyof T]: Immutable<T[K]> } : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
// Does not compile when the types and the schema differ.
true satisfies Same<Immutable<Configuration>, Immutable<Type.Static<typeof configurationSchema>>>;
