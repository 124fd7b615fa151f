import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { EventWriter } from '../persistence/event-writer.js';
import type { Bus } from '../delivery/bus/bus.js';
import { originSource } from '../context/origin-source.js';
import { endAbandoned } from '../operations/action/abandoned-action.js';
import { StartedActions } from '../operations/action/started-actions.js';
import { createSweeper } from '../operations/deadlines/sweeper.js';
import { ConfigurationError } from '../core/errors/errors.js';
import { checkOptions } from '../core/options/check-options.js';
import {
  defineEventTypes,
  type EventTypes,
  type SignalboxAlertType,
} from '../core/events/event-types.js';
import { cloudEvents } from '../delivery/formats/cloudevents.js';
import { defaultMaxParsed } from '../delivery/bus/max-incoming.js';
import { createOutboxRelay } from '../delivery/relay/relay.js';
import { wakeListener, wakeNotifier } from '../delivery/relay/wake.js';
import { ResourceRegistry } from './resource-registry.js';
import { signalboxSchema, type SignalboxOptions } from './signalbox-options.js';
import { Signalbox } from './signalbox.js';
import {
  outsideTransactions,
  scopeTransactions,
} from '../persistence/commit/transaction-context.js';
import { onCommit } from '../persistence/commit/wakes.js';
import { GroupCommit } from '../persistence/commit/group-commit.js';
import { noteApplication, registerApplication } from '../persistence/application.js';
import { registerBuses } from '../delivery/relay/register-buses.js';
import { placementOf, placeTables } from '../persistence/tables/placed-tables.js';
import { openStore } from '../persistence/open-store.js';
import { LifecycleSubscriber } from '../persistence/guard/subscriber.js';
import { Transitions } from './transitions.js';

export type { SignalboxOptions } from './signalbox-options.js';

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
export async function createSignalbox<
  E extends EventTypes = EventTypes<never, never, SignalboxAlertType>,
>(options: SignalboxOptions<E>): Promise<Signalbox<E>> {
  checkOptions(signalboxSchema, options);
  const { dataSource, source, maxPayload = 256 * 1024 } = options;
  refuseUninitialized(dataSource);
  placeTables(dataSource, placementOf(options));
  const buses = busesOf(options.bus);
  const eventTypes: EventTypes = options.eventTypes ?? defineEventTypes();
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
  const eventWriter = new EventWriter({
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
  const forget = noteApplication(dataSource, application);
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
          endAbandoned: (due) => endAbandoned({ dataSource, store, eventWriter }, due),
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
    eventWriter,
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
      forget();
      deaf();
      await others?.close();
    },
  });
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
