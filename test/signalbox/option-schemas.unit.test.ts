import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataSource } from 'typeorm';
import { describe, expect, test } from 'vitest';
import { cloudStackEventTypes, volume } from '../../machines/index.js';
import { purgeInbox, purgeInboxRegularly } from '../../src/consuming/inbox/purge-inbox.js';
import { idempotent, idempotentSchema } from '../../src/consuming/inbox/idempotent.js';
import { trackRevisions, trackRevisionsSchema } from '../../src/consuming/inbox/track-revisions.js';
import * as inbox from '../../src/consuming/inbox/purge-inbox.js';
import { validateConfiguration } from '../../src/config/validate-configuration.js';
import { SignalboxError } from '../../src/core/errors/errors.js';
import { defineEventTypes, eventTypesSchema } from '../../src/core/events/event-types.js';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import {
  checkCall,
  checkOptions,
  type OptionsSchema,
} from '../../src/core/options/check-options.js';
import { completeRabbitmqOptions, rabbitmqSchema } from '../../src/delivery/amqp/options.js';
import { retryFields, subscribeSchema } from '../../src/delivery/bus/bus-fields.js';
import { completeKafkaOptions, kafkaSchema } from '../../src/delivery/kafka/options.js';
import { memoryBus, memoryBusSchema } from '../../src/delivery/memory/memory-bus.js';
import { completeNatsOptions, natsSchema } from '../../src/delivery/nats/options.js';
import { relayFields } from '../../src/delivery/relay/relay-options.js';
import { jobSchema } from '../../src/operations/jobs/jobs.js';
import { sweeperFields } from '../../src/operations/deadlines/sweeper.js';
import {
  notifier,
  notifierSchema,
  notifySchema,
} from '../../src/outside/notifications/notifier.js';
import { callSchema } from '../../src/outside/rpc/caller.js';
import { EventManager, emitSchema, eventManagerSchema, topicSchema } from '../../src/outside/rpc/event-manager.js'; // prettier-ignore
import { ServiceManager, exposeSchema, serviceManagerSchema } from '../../src/outside/rpc/service-manager.js'; // prettier-ignore
import { groupCommitFields } from '../../src/persistence/commit/group-commit.js';
import { purgeJournal, purgeJournalSchema } from '../../src/persistence/purge-journal.js';
import { mapResource, mapResourceSchema } from '../../src/persistence/resource/resource.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import * as calls from '../../src/signalbox/call-options.js';
import { createRelay } from '../../src/signalbox/create-relay.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { jwtFields } from '../../src/server/access/access.js';
import { engineFields } from '../../src/server/engine/engine.js';
import { guardFields } from '../../src/server/guard/addresses.js';
import { listenSchema } from '../../src/server/listen.js';
import {
  notificationService,
  notificationServiceSchema,
} from '../../src/server/notification-service.js';
import { relaySchema, signalboxSchema } from '../../src/signalbox/signalbox-options.js';

const canary = 'c4n4ry-s3cret';

class Volume extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
}

const dataSource = new DataSource({ type: 'better-sqlite3', database: ':memory:' });
const bus = memoryBus();
type Call = (options: never) => unknown;
const check = (schema: OptionsSchema) => (options: unknown) => checkCall(schema, options);
const nested = (of: string, fields: OptionsSchema['fields']): OptionsSchema => ({ of, fields });

/** Every options type that is exported: its schema, what is enough, and who takes it. */
const taken: Readonly<Record<string, readonly [OptionsSchema, enough: object, call: Call]>> = {
  SignalboxOptions: [
    signalboxSchema,
    { source: 'compute', dataSource, resources: [Volume] },
    createSignalbox as Call,
  ],
  RelaySetup: [relaySchema, { dataSource, bus }, createRelay as Call],
  RelayOptions: [nested('relay', relayFields), {}, ((relay: object) => createSignalbox({ dataSource, source: 'management-server', eventTypes: cloudStackEventTypes, resources: [Volume], relay })) as Call], // prettier-ignore
  'RelayOptions of a file': [nested('relay', relayFields), {}, ((relay: object) => validateConfiguration({ relay }, 'a file')) as Call], // prettier-ignore
  SweeperOptions: [nested('deadlines', sweeperFields), {}, ((deadlines: object) => createSignalbox({ dataSource, source: 'management-server', eventTypes: cloudStackEventTypes, resources: [Volume], deadlines })) as Call], // prettier-ignore
  GroupCommitOptions: [nested('groupCommit', groupCommitFields), {}, ((groupCommit: object) => createSignalbox({ dataSource, source: 'management-server', eventTypes: cloudStackEventTypes, resources: [Volume], groupCommit })) as Call], // prettier-ignore
  MemoryBusOptions: [memoryBusSchema, {}, memoryBus as Call],
  RabbitmqOptions: [rabbitmqSchema, { url: `amqp://u:${canary}@h` }, completeRabbitmqOptions as Call], // prettier-ignore
  NatsOptions: [natsSchema, { url: `nats://u:${canary}@h` }, completeNatsOptions as Call],
  KafkaOptions: [kafkaSchema, { brokers: 'h:9092' }, completeKafkaOptions as Call],
  SubscribeOptions: [subscribeSchema, {}, ((options: object) => memoryBus().subscribe(['#'], () => undefined, options)) as Call], // prettier-ignore
  RetryPolicy: [nested('retry', retryFields), {}, ((retry: object) => memoryBus().subscribe(['#'], () => undefined, { retry })) as Call], // prettier-ignore
  TransitionOptions: [calls.transitionSchema, {}, check(calls.transitionSchema) as Call],
  SendOptions: [calls.sendSchema, {}, check(calls.sendSchema) as Call],
  CreateOptions: [calls.createSchema, {}, check(calls.createSchema) as Call],
  AnnouncementOptions: [calls.alertSchema, {}, check(calls.alertSchema) as Call],
  ActionSettings: [calls.actionSchema, {}, check(calls.actionSchema) as Call],
  JobSettings: [jobSchema, {}, check(jobSchema) as Call],
  WatchOptions: [calls.watchSchema, {}, check(calls.watchSchema) as Call],
  ReplayOptions: [calls.replaySchema, { pool: 'p' }, check(calls.replaySchema) as Call],
  HistoryOptions: [calls.historySchema, {}, check(calls.historySchema) as Call],
  AmbientContext: [calls.contextSchema, {}, check(calls.contextSchema) as Call],
  IdempotentOptions: [idempotentSchema, {}, ((options: object) => idempotent(dataSource, () => undefined, options)) as Call], // prettier-ignore
  TrackRevisionsOptions: [trackRevisionsSchema, { onGap: () => undefined }, ((options: never) => trackRevisions(() => undefined, options)) as Call], // prettier-ignore
  InboxRetention: [inbox.purgeInboxSchema, { retention: 1 }, ((options: never) => purgeInbox(dataSource, options)) as Call], // prettier-ignore
  InboxPurgeOptions: [inbox.purgeInboxRegularlySchema, { retention: 1 }, ((options: never) => purgeInboxRegularly(dataSource, options)) as Call], // prettier-ignore
  JournalPurgeOptions: [purgeJournalSchema, { before: '2026-01-01T00:00:00Z' }, ((options: never) => purgeJournal(dataSource, options)) as Call], // prettier-ignore
  ResourceMapping: [mapResourceSchema, {}, ((options: never) => mapResource(Volume, volume, options)) as Call], // prettier-ignore
  CustomEventTypes: [eventTypesSchema, {}, defineEventTypes as Call],
  EventManagerOptions: [eventManagerSchema, { bus }, ((options: never) => new EventManager(options)) as Call], // prettier-ignore
  TopicOptions: [topicSchema, {}, ((options: never) => new EventManager({ bus }).subscribe('a', () => undefined, options)) as Call], // prettier-ignore
  EmitOptions: [emitSchema, {}, ((options: never) => new EventManager({ bus }).emit('a', {}, options)) as Call], // prettier-ignore
  ServiceManagerOptions: [serviceManagerSchema, { bus }, ((options: never) => new ServiceManager(options)) as Call], // prettier-ignore
  ExposeOptions: [exposeSchema, {}, check(exposeSchema) as Call],
  CallOptions: [callSchema, {}, check(callSchema) as Call],
  NotifierOptions: [notifierSchema, { publisherId: 'a.b', drivers: [] }, notifier as Call],
  NotificationServiceOptions: [notificationServiceSchema, { dataSource }, ((options: never) => notificationService(options)) as Call], // prettier-ignore
  EngineOptions: [nested('engine', engineFields), {}, ((engine: object) => notificationService({ dataSource, engine })) as Call], // prettier-ignore
  GuardOptions: [nested('guard', guardFields), {}, ((guard: object) => notificationService({ dataSource, guard })) as Call], // prettier-ignore
  JwtOptions: [nested('jwt', jwtFields), { jwks: 'https://a.example/k', issuer: 'i', audience: 'a', algorithms: ['RS256'] }, ((jwt: never) => notificationService({ dataSource, jwt })) as Call], // prettier-ignore
  ListenOptions: [listenSchema, { hasTokens: false }, ((options: never) => checkOptions(listenSchema, options)) as Call], // prettier-ignore
  NotifyOptions: [notifySchema, {}, ((options: never) => notifier({ publisherId: 'a.b', drivers: [] }).info('x', {}, options)) as Call], // prettier-ignore
};

/** Nothing of this is what any option takes, but where its field says otherwise. */
const junk: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['NaN', Number.NaN],
  ['infinity', -Infinity],
  ['minus one', -1],
  ['a fraction', 1.5],
  ['nought', 0],
  ['too much', 2 ** 60],
  ['digits', '64'],
  ['no text', ''],
  ['a secret', canary],
  ['a flag', true],
  ['an empty list', []],
  ['a hole', [undefined]],
  ['an object', {}],
  ['a member that is none', { nothingLikeIt: 1 }],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a bigint', 10n],
  ['a date', new Date(Number.NaN)],
  ['a map', new Map()],
];

async function outcome(call: Call, options: unknown): Promise<unknown> {
  try {
    // What passes the checks goes on to a DataSource that is not initialized.
    const result: unknown = await (call as (given: unknown) => unknown)(options);
    await (result as { stop?: () => Promise<void> } | undefined)?.stop?.();
    return undefined;
  } catch (error) {
    return error;
  }
}

const ofOptions = /^(?:CONFIG_KEY_UNKNOWN|CONFIG_VALUE_INVALID|OPTION_UNKNOWN|OPTION_INVALID)$/;

describe.each(Object.entries(taken))('%s', (_, [schema, enough, call]) => {
  test('takes what is enough, and options that are undefined', async () => {
    const none = Object.fromEntries(Object.keys(schema.fields).map((key) => [key, undefined]));
    for (const given of [enough, { ...none, ...enough }]) {
      expect(() => checkOptions(schema, given)).not.toThrow();
      expect(await outcome(call, given)).not.toMatchObject({ code: expect.stringMatching(ofOptions) as string }); // prettier-ignore
    }
  });

  test('refuses what is no object of options, and keys that do not exist with the nearest that does', async () => {
    for (const given of [null, 7, 'text', [], () => 1]) {
      expect(await outcome(call, given), String(given)).toMatchObject({
        code: expect.stringMatching(ofOptions) as string,
      });
    }
    for (const key of Object.keys(schema.fields)) {
      if (key.length < 4) continue;
      const error = await outcome(call, { ...enough, [`${key}x`]: canary });
      expect(error, key).toMatchObject({ code: expect.stringMatching(/_UNKNOWN$/) as string });
      expect((error as Error).message).toContain(`'${key}'`);
      expect((error as Error).message).not.toContain(canary);
    }
  });

  test.each(Object.keys(schema.fields))(
    '%s: whatever it is given is taken or refused by name',
    async (key) => {
      const field = schema.fields[key];
      let refused = 0;
      for (const [name, value] of junk) {
        if (field?.misfit(value) === undefined) continue;
        refused += 1;
        const error = await outcome(call, { ...enough, [key]: value });
        expect(error, name).toBeInstanceOf(SignalboxError);
        expect(error, name).toMatchObject({ code: expect.stringMatching(ofOptions) as string, retryable: false }); // prettier-ignore
        expect((error as Error).message, name).toContain(key);
        expect((error as Error).message, name).not.toContain(canary);
      }
      // Of so many kinds no option takes many.
      expect(refused).toBeGreaterThan(junk.length / 2);
    },
  );
});

describe('numbers', () => {
  const numbers = Object.entries(taken).flatMap(([of, [schema]]) =>
    Object.entries(schema.fields)
      .filter(([, field]) => /number|milliseconds/.test(field.takes) && !/, or /.test(field.takes))
      .map(([key, field]) => [`${of}.${key}`, field] as const),
  );
  test.each(numbers)(
    '%s takes no NaN, no digits, nothing below and nothing infinite',
    (_, field) => {
      for (const value of [Number.NaN, Infinity, -Infinity, -1, '64', 10n, null, [1]])
        expect(field.misfit(value), String(value)).toBeDefined();
    },
  );
});

describe('what is exported', () => {
  const root = resolve(import.meta.dirname, '../..');
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, { readonly types?: string }>>;
  };
  /** Options that reach no server and no row: of pictures, reports and the test kit. */
  const exempt = ['./diagram', './check', './trace', './catalog', './testing', './machines'];
  /** What is looked at elsewhere, or is none of the user's. */
  const elsewhere: Readonly<Record<string, string>> = {
    BusDriverOptions: 'notifications: checked by the bus',
    ConsumerPoolOptions: 'its handling is SubscribeOptions; names are asserted',
    RedriveOptions: 'looked at by each bus',
    EndpointSettings: 'bodies of requests: schemas of the routes',
    DeadLetterSelection: 'looked at by each bus',
    EventSettings: 'events of objects, within the process',
    FromOsloOptions: 'pure',
    MessagingDriverOptions: 'RabbitmqOptions',
    ObjectEventOptions: 'events of objects, within the process',
    OsloFormatOptions: 'pure',
    OsloSettings: 'names are asserted',
    SignedEventsOptions: 'formats: checked by themselves',
    WatchSelection: 'part of WatchOptions',
  };

  test('each options type has a schema', () => {
    const names = Object.entries(exports)
      .filter(([path, { types }]) => types !== undefined && !exempt.includes(path))
      .flatMap(([, { types = '' }]) => {
        const source = join(root, types.replace('./dist/types/', '').replace('.d.ts', '.ts'));
        expect(existsSync(source), source).toBe(true);
        return [...readFileSync(source, 'utf8').matchAll(/\b([A-Z]\w*(?:Options|Settings|Setup|Policy|Retention))\b/g)].map(([, name = '']) => name); // prettier-ignore
      });
    expect(names.length).toBeGreaterThan(25);
    expect([...new Set(names)].filter((name) => !(name in taken) && !(name in elsewhere))).toEqual([]); // prettier-ignore
  });
});

describe('a lifecycle that is defined from anything', () => {
  const machine = { initial: 'A', states: { A: {} } };
  test.each([
    ['nothing', undefined],
    ['null', null],
    ['no machine', { resource: 'Thing', version: 1 }],
    ['the plain object that createMachine takes', { resource: 'Thing', version: 1, machine }],
    ['a function that makes one', { resource: 'Thing', version: 1, machine: () => machine }],
    [
      'initialStates that are no list',
      { resource: 'Thing', version: 1, machine, initialStates: 'A' },
    ],
    ['a misspelt option', { resource: 'Thing', version: 1, machine, brths: [] }],
    ['a resource that is no text', { resource: 7, version: 1, machine }],
  ])('is refused as a definition: %s', (_, definition) => {
    expect(() => defineLifecycle(definition as never)).toThrow(
      expect.objectContaining({ name: 'DefinitionError' }) as Error,
    );
  });

  test.each([
    ['no class', undefined, volume],
    ['no lifecycle', Volume, undefined],
    ['a machine', Volume, machine],
  ])('is mapped only where it is one: %s', (_, entity, lifecycle) => {
    expect(() => mapResource(entity as never, lifecycle as never)).toThrow(
      expect.objectContaining({ code: 'CONFIG_VALUE_INVALID' }) as Error,
    );
  });
});
