import Type from 'typebox';

const name = Type.String({ maxLength: 255 });

export const ownerSchema = Type.Object(
  {
    account: Type.Optional(name),
    domain: Type.Optional(name),
    reach: Type.Optional(
      Type.Union([Type.Literal('local'), Type.Literal('domain'), Type.Literal('global')]),
    ),
  },
  { additionalProperties: false, description: 'Whose events; default the caller’s.' },
);

const retrySchema = Type.Union([
  Type.Literal('standard-webhooks'),
  Type.Object(
    { delays: Type.Array(Type.Number({ minimum: 0 }), { maxItems: 100 }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      numRetries: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      numNoDelayRetries: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      numMinDelayRetries: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      numMaxDelayRetries: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      minDelayTarget: Type.Optional(Type.Number({ minimum: 1, maximum: 3600 })),
      maxDelayTarget: Type.Optional(Type.Number({ minimum: 1, maximum: 3600 })),
      backoffFunction: Type.Optional(
        Type.Union(
          (['linear', 'arithmetic', 'geometric', 'exponential'] as const).map((each) =>
            Type.Literal(each),
          ),
        ),
      ),
    },
    { additionalProperties: false },
  ),
]);

const settingsSchema = Type.Object(
  {
    topics: Type.Optional(
      Type.Array(Type.String({ maxLength: 255 }), { minItems: 1, maxItems: 100 }),
    ),
    content: Type.Optional(Type.Object({}, { description: 'Conditions as SNS has them.' })),
    retry: Type.Optional(retrySchema),
    retryByCategory: Type.Optional(Type.Record(Type.String(), retrySchema)),
    concurrency: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    throttle: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 10_000 })),
    timeout: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
    disableAfter: Type.Optional(Type.Integer({ minimum: 0 })),
    channel: Type.Optional(Type.Object({}, { description: 'Settings of the channel.' })),
  },
  { additionalProperties: false },
);

export const createEndpointSchema = Type.Object(
  {
    channel: Type.Optional(Type.String({ maxLength: 32, description: 'Default webhook.' })),
    address: Type.String({ minLength: 1, maxLength: 2048 }),
    name: Type.Optional(name),
    owner: Type.Optional(ownerSchema),
    ordered: Type.Optional(Type.Boolean()),
    settings: Type.Optional(settingsSchema),
    signing: Type.Optional(Type.Union([Type.Literal('hmac'), Type.Literal('ed25519')])),
  },
  { additionalProperties: false },
);

export const changeEndpointSchema = Type.Object(
  {
    address: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })),
    name: Type.Optional(name),
    ordered: Type.Optional(Type.Boolean()),
    settings: Type.Optional(settingsSchema),
  },
  { additionalProperties: false, minProperties: 1 },
);

const status = Type.Union(
  (['due', 'delivered', 'dead', 'dropped'] as const).map((each) => Type.Literal(each)),
);

export const selectionSchema = Type.Object(
  {
    ids: Type.Optional(Type.Array(Type.String({ maxLength: 36 }), { maxItems: 500 })),
    status: Type.Optional(status),
    outcome: Type.Optional(Type.String({ maxLength: 64 })),
  },
  { additionalProperties: false },
);

const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 }));

export const deliveryQuery = Type.Object({
  status: Type.Optional(status),
  outcome: Type.Optional(Type.String({ maxLength: 64 })),
  after: Type.Optional(Type.String({ maxLength: 36 })),
  limit,
});

export const endpointQuery = Type.Object({
  channel: Type.Optional(Type.String({ maxLength: 32 })),
  after: Type.Optional(Type.String({ maxLength: 36 })),
  limit,
});

export const eventQuery = Type.Object({
  category: Type.Optional(Type.String({ maxLength: 32 })),
  type: Type.Optional(name),
  resource: Type.Optional(name),
  uuid: Type.Optional(Type.String({ maxLength: 64 })),
  after: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Events behind this number, oldest first.' }),
  ),
  before: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Events before this number, newest first.' }),
  ),
  marker: Type.Optional(Type.String({ maxLength: 255, description: 'The id of an event.' })),
  direction: Type.Optional(Type.Union([Type.Literal('forward'), Type.Literal('backward')])),
  limit,
});

export const streamQuery = Type.Object({
  topic: Type.Optional(
    Type.String({ maxLength: 1024, description: 'Topic patterns, with commas between them.' }),
  ),
  after: Type.Optional(Type.Integer({ minimum: 0, description: 'As Last-Event-ID.' })),
});

export const historyQuery = Type.Object({
  before: Type.Optional(Type.Integer({ minimum: 0 })),
  limit,
});

export const replaySchema = Type.Object(
  {
    since: Type.Optional(Type.String({ maxLength: 32, description: 'RFC 3339.' })),
    from: Type.Optional(Type.Integer({ minimum: 1, description: 'The number of an event.' })),
  },
  { additionalProperties: false, minProperties: 1, maxProperties: 1 },
);

export const rotateSchema = Type.Object(
  {
    grace: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 604_800,
        description: 'Seconds for which the old key still signs. Default a day.',
      }),
    ),
    signing: Type.Optional(Type.Union([Type.Literal('hmac'), Type.Literal('ed25519')])),
  },
  { additionalProperties: false },
);

export const createTokenSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255 }),
    owner: Type.Optional(ownerSchema),
    scopes: Type.Array(
      Type.Union([Type.Literal('read'), Type.Literal('subscribe'), Type.Literal('admin')]),
      { minItems: 1, maxItems: 3 },
    ),
    expiresIn: Type.Optional(Type.Integer({ minimum: 1, description: 'Seconds.' })),
  },
  { additionalProperties: false },
);
