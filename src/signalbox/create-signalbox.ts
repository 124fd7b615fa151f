import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { Announcer } from '../persistence/announcer.js';
import type { Bus } from '../delivery/bus/bus.js';
import { originSource } from '../context/origin-source.js';
import { endAbandoned } from '../operations/action/abandoned-action.js';
import { StartedActions } from '../operations/action/started-actions.js';
import { createSweeper } from '../operations/deadlines/sweeper.js';
import type { SweeperOptions } from '../operations/deadlines/sweeper.js';
import { ConfigurationError } from '../core/errors/errors.js';
import { nearestName } from '../core/errors/nearest-name.js';
import { defineEventTypes } from '../core/events/event-types.js';
import type { EventTypes } from '../core/events/event-types.js';
import { cloudEvents } from '../delivery/formats/cloudevents.js';
import type { Format } from '../delivery/formats/format.js';
import { assertFormat } from '../delivery/formats/formats.js';
import { defaultMaxParsed } from '../delivery/bus/max-incoming.js';
import { createOutboxRelay } from '../delivery/relay/relay.js';
import type { RelayListener } from '../delivery/relay/relay-notice.js';
import type { RelayOptions } from '../delivery/relay/relay-options.js';
import { wakeListener, wakeNotifier } from '../delivery/relay/wake.js';
import { ResourceRegistry } from './resource-registry.js';
import { Signalbox } from './signalbox.js';
import {
  outsideTransactions,
  scopeTransactions,
} from '../persistence/commit/transaction-context.js';
import { onCommit } from '../persistence/commit/wakes.js';
import { GroupCommit } from '../persistence/commit/group-commit.js';
import type { GroupCommitOptions } from '../persistence/commit/group-commit.js';
import type { GaleraUse } from '../persistence/mysql/verify-server.js';
import { registerApplication } from '../persistence/application.js';
import { registerBuses } from '../delivery/relay/register-buses.js';
import { openStore } from '../persistence/open-store.js';
import type { ResourceDefinition } from '../persistence/resource/resource.js';
import { LifecycleSubscriber } from '../persistence/guard/subscriber.js';
import { Transitions } from './transitions.js';

/** What Signalbox works on and how. */
export interface SignalboxOptions {
  /** Your initialized DataSource: postgres, mysql, mariadb or better-sqlite3. */
  readonly dataSource: DataSource;
  /** The entity classes with a lifecycle, and what `mapResource` returned for others. */
  readonly resources: readonly ResourceDefinition[];
  /**
   * Where events are published: one bus, several, or none (then the journal keeps them). Every relay
   * of one database that have a bus must have the same ones, by name; one without leaves the outbox to them.
   */
  readonly bus?: Bus | readonly Bus[];
  /** Who publishes: the first word of every routing key. Default `management-server`. */
  readonly source?: string;
  /**
   * Whose the outbox, deadlines and jobs are, of those that share the database. Default the `source`. All
   * processes of one product have the same; those of two must not: each relays and fires its own.
   */
  readonly application?: string;
  /**
   * Your own event types besides CloudStack's; see `defineEventTypes`. The effects of the lifecycles
   * must be among them.
   */
  readonly eventTypes?: EventTypes;
  /** The largest event in bytes of UTF-8. Default 262,144 (256 KiB). */
  readonly maxPayload?: number;
  /**
   * Whether this process moves the outbox to the buses. Default true; false where `signalbox relay`
   * runs apart. Several relays share the work.
   */
  readonly relay?: boolean | RelayOptions;
  /** Told when the outbox lags, an event is parked, a bus or the database is away, and the like. */
  readonly onRelayNotice?: RelayListener;
  /** Whether this process fires deadlines. Default true; several share the work. */
  readonly deadlines?: boolean | SweeperOptions;
  /**
   * Whether clients write to one node of a Galera cluster at a time, or to several at once. Required
   * where the server is a node of one (`wsrep_on`), and refused elsewhere.
   */
  readonly galera?: GaleraUse;
  /** How concurrent transitions share commits. */
  readonly groupCommit?: GroupCommitOptions;
  /**
   * Milliseconds that `close()` waits for handlers, watches and calls under way before it refuses calls.
   * Default 10,000. The relay's and the deadlines' `stopTimeout` come on top.
   */
  readonly closeTimeout?: number;
  /**
   * How events look on each bus that has no format of its own (`rabbitmq({ url, format })`). Default
   * `cloudEvents`: CloudEvents 1.0 JSON.
   */
  readonly format?: Format;
}

/**
 * Puts a Signalbox on a DataSource: binds the resources, guards their entities, and starts the relay
 * and the deadlines. Rejects with ConfigurationError (a mapping, a missing migration, an unsupported
 * database) before anything is written.
 *
 * Unless `NODE_ENV` is `production`, events announced by calls are held to their schemas before they
 * are written.
 *
 * @example
 * ```ts
 * const signalbox = await createSignalbox({ dataSource, resources: [Volume], bus: rabbitmq({ url }) });
 * ```
 */
export async function createSignalbox(options: SignalboxOptions): Promise<Signalbox> {
  checkOptions(options);
  const { dataSource, source = 'management-server', maxPayload = 256 * 1024 } = options;
  refuseUninitialized(dataSource);
  const buses = busesOf(options.bus);
  const eventTypes = options.eventTypes ?? defineEventTypes();
  const registry = new ResourceRegistry(dataSource, options.resources, { source, eventTypes });
  const plain = openStore(dataSource);
  await plain.verifyMigrated();
  await plain.verifyServer?.(registry.bindings, options.galera);
  const application = await registerApplication(dataSource, options.application ?? source);
  const store = openStore(dataSource, application);
  // Before anything is started: what is wrong about a bus is told here, not by events that went elsewhere.
  // Also where another process relays: it learns whose the buses are.
  if (buses.length > 0) await registerBuses(store.outbox, buses);

  const format = options.format ?? cloudEvents;
  const origin = originSource(source);
  // Its own relay is told directly; its notification would have the outbox read a second time.
  const self = randomUUID();
  const relay =
    options.relay === false
      ? undefined
      : createOutboxRelay({
          store,
          buses,
          format,
          origin,
          wake: wakeListener(dataSource, self),
          options: typeof options.relay === 'object' ? options.relay : {},
          listener: options.onRelayNotice,
        });
  const others = wakeNotifier(dataSource, self);
  const wake = (): void => {
    relay?.wake();
    others?.notify();
  };
  const announcer = new Announcer({
    dataSource,
    store,
    origin,
    eventTypes,
    maxPayload,
    validate: await developmentCheck(),
  });
  const started = new StartedActions({ dataSource, store });
  const transitions = new Transitions({
    dataSource,
    store,
    groupCommit: new GroupCommit(store, options.groupCommit),
    origin,
    maxPayload,
  });
  const subscriber = new LifecycleSubscriber({
    bindings: registry.bindings,
    store,
    origin,
    maxPayload,
  });
  const uninstall = subscriber.install(dataSource);
  const deaf = onCommit(dataSource, wake);
  scopeTransactions(dataSource);
  const sweeper =
    options.deadlines === false
      ? undefined
      : createSweeper({
          dataSource,
          store,
          registry,
          transitions,
          endAbandoned: (due) => endAbandoned({ dataSource, store, announcer }, due),
          origin,
          wake,
          options: options.deadlines === true ? {} : options.deadlines,
        });
  // They outlive the transaction that somebody may create a Signalbox in.
  outsideTransactions(() => {
    relay?.start();
    sweeper?.start();
  });
  return new Signalbox({
    dataSource,
    registry,
    store,
    buses,
    format,
    origin,
    announcer,
    started,
    transitions,
    subscriber,
    relay,
    sweeper,
    closeTimeout: options.closeTimeout ?? 10_000,
    application,
    maxIncoming: Math.max(defaultMaxParsed, 8 * maxPayload),
    dispose: async () => {
      started.close();
      uninstall();
      deaf();
      await others?.close();
    },
  });
}

/** Every option, so that the compiler tells when one is missing here. */
const optionNames: Readonly<Record<keyof SignalboxOptions, true>> = {
  dataSource: true,
  resources: true,
  bus: true,
  source: true,
  application: true,
  eventTypes: true,
  maxPayload: true,
  relay: true,
  onRelayNotice: true,
  deadlines: true,
  galera: true,
  groupCommit: true,
  closeTimeout: true,
  format: true,
};

/** For callers whom no compiler warns. No value gets into a message: a bus may be given as its URL. */
function checkOptions(options: SignalboxOptions): void {
  for (const key of Object.keys(options)) {
    if (Object.hasOwn(optionNames, key)) continue;
    const suggestion = nearestName(key, Object.keys(optionNames));
    throw new ConfigurationError(
      'CONFIG_KEY_UNKNOWN',
      `createSignalbox has no option '${key}'. ` +
        (suggestion === undefined
          ? `Its options are ${Object.keys(optionNames).join(', ')}.`
          : `Did you mean '${suggestion}'?`),
      { parameters: { key, suggestion: suggestion ?? null } },
    );
  }
  const {
    dataSource,
    resources,
    bus,
    format,
    galera,
    application,
  }: { readonly [K in keyof SignalboxOptions]: unknown } = options;
  if (typeof dataSource !== 'object' || dataSource === null)
    throw badOption('dataSource', 'Pass your initialized DataSource.');
  if (!Array.isArray(resources))
    throw badOption('resources', 'Pass a list of entity classes and of what mapResource returned.');
  if (application !== undefined && typeof application !== 'string')
    throw badOption('application', 'Pass a name.');
  if (galera !== undefined && galera !== 'single-writer' && galera !== 'several-writers')
    throw badOption('galera', "Pass 'single-writer' or 'several-writers'.");
  if (format !== undefined) assertFormat(format, 'format');
  const buses: readonly unknown[] = Array.isArray(bus) ? bus : bus === undefined ? [] : [bus];
  if (!buses.every((each) => typeof each === 'object' && each !== null && 'publish' in each))
    throw badOption('bus', 'Pass what rabbitmq({ url }) or memoryBus() returned, or a list of it.');
}

function badOption(key: string, remedy: string): ConfigurationError {
  return new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `The option '${key}' of createSignalbox is of another kind. ${remedy}`,
    { parameters: { key } },
  );
}

/** Checks events against their schemas while an application is being developed, not in production. */
async function developmentCheck(): Promise<((event: unknown) => unknown) | undefined> {
  if (process.env['NODE_ENV'] === 'production') {
    return undefined;
  }
  const { validateEvent } = await import('../core/events/validate-event.js');
  return validateEvent;
}

function busesOf(bus: SignalboxOptions['bus']): readonly Bus[] {
  const buses = bus === undefined ? [] : 'publish' in bus ? [bus] : [...bus];
  const names = new Set(buses.map(({ name }) => name));
  if (names.size < buses.length) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      'Two buses have the same name. Give each its own: outbox rows are kept by it.',
      { parameters: { key: 'bus' } },
    );
  }
  return buses;
}

function refuseUninitialized(dataSource: DataSource): void {
  if (!dataSource.isInitialized) {
    throw new ConfigurationError(
      'DATABASE_UNSUPPORTED',
      'The DataSource is not initialized. Await dataSource.initialize() first.',
    );
  }
}
