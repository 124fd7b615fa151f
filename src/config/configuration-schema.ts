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

const milliseconds = (minimum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum: 86_400_000, description }));

const relay = Type.Object(
  {
    batch: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, description: 'Rows a read; default 1000.' }),
    ),
    window: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: 'Events under way to a bus at once; default 1000.',
      }),
    ),
    pollInterval: milliseconds(10, 'How often the outbox is read without a wake-up.'),
    leaseDuration: milliseconds(500, 'Until a dead relay’s shares are taken over; default 10000.'),
    stopTimeout: milliseconds(0, 'How long stopping may drain; default 10000.'),
    retryDelay: milliseconds(1, 'The first delay after a failure; default 100.'),
    maxRetryDelay: milliseconds(1, 'The longest delay after failures; default 5000.'),
    lagBound: milliseconds(1, 'Age of the outbox that raises its alarm; default 60000.'),
    sampleInterval: milliseconds(10, 'How often the outbox is measured; default 10000.'),
    unroutable: Type.Optional(
      Type.Union([Type.Literal('count'), Type.Literal('hold')], {
        description: 'What becomes of an event that no binding wants; default count.',
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
        description: 'Who publishes; default management-server.',
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
    relay: Type.Optional(relay),
  },
  { additionalProperties: false },
);

/** The contents of a configuration file. */
export type Configuration = Type.Static<typeof configurationSchema>;

/** One bus of the configuration. */
export type BusConfiguration = Type.Static<typeof bus>;
