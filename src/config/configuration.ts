import Type from 'typebox';

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
      description: 'amqp:// or amqps:// address, or several of one cluster.',
    }),
    name: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,64}$',
        description: 'Unique among the buses; default: its exchange.',
      }),
    ),
    exchange: Type.Optional(Type.String({ minLength: 1, maxLength: 127 })),
    alternateExchange: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 127,
        description: 'Where the broker sends events that no binding wants.',
      }),
    ),
    tls: Type.Optional(tls),
  },
  { additionalProperties: false },
);

const relay = Type.Object(
  {
    batch: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: 'Rows read at once; default 1000.',
      }),
    ),
    window: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: 'Publishes awaiting their confirm at once; default 1000.',
      }),
    ),
    leaseTtl: Type.Optional(
      Type.Integer({
        minimum: 1_000,
        maximum: 600_000,
        description: 'Milliseconds until a dead relay’s shares are taken over; default 10000.',
      }),
    ),
    pollInterval: Type.Optional(
      Type.Integer({
        minimum: 10,
        maximum: 60_000,
        description: 'Milliseconds between looks at the outbox without a wake-up.',
      }),
    ),
    lagAlarm: Type.Optional(
      Type.Integer({
        minimum: 100,
        description: 'Milliseconds of age at which the outbox raises its alarm; default 60000.',
      }),
    ),
    unroutable: Type.Optional(
      Type.Union([Type.Literal('count'), Type.Literal('hold')], {
        description: 'What happens to an event that no binding wants; default count.',
      }),
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
    source: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'Who publishes; default management-server.',
      }),
    ),
    relay: Type.Optional(relay),
  },
  { additionalProperties: false },
);

/** The contents of a configuration file. */
export type Configuration = Type.Static<typeof configurationSchema>;

/** One bus of the configuration. */
export type BusConfiguration = Type.Static<typeof bus>;

/**
 * Types a configuration file in an editor; returns it unchanged.
 *
 * @example
 * ```ts
 * // signalbox.config.ts
 * export default defineConfig({ database: 'postgres://…', bus: 'amqp://…' });
 * ```
 */
export function defineConfig(configuration: Configuration): Configuration {
  return configuration;
}
