import { RefusedError } from '../core/errors/errors.js';
import { parseSubject } from '../core/events/create-event.js';
import type { SignalboxEvent } from '../core/events/event.js';
import type { Bus, BusSubscription } from '../delivery/bus/bus.js';
import { eventReader } from '../delivery/bus/event-reader.js';
import { cloudEvents } from '../delivery/formats/cloudevents.js';
import type { Engine } from './engine/engine.js';
import type { NewEvent } from './store/event-store.js';

/** The pool by which services read a bus. */
export const servicePool = 'signalbox-notifications';

/** Pure. An event as the service keeps it. Throws RefusedError EVENT_INVALID for an id it cannot keep. */
export function newEventOf(event: SignalboxEvent): NewEvent {
  const { id, category, type, time, revision, account, domain, project } = event;
  const { resource, uuid } = parseSubject(event.subject);
  if (id.length > 255 || type.length > 255) {
    throw RefusedError.of(
      'EVENT_INVALID',
      'The id and the type of an event have at most 255 characters.',
      {
        property: 'id',
      },
    );
  }
  return {
    id,
    category,
    type,
    resource: resource ?? null,
    uuid: uuid ?? null,
    revision: revision ?? null,
    time,
    account: account ?? null,
    domain: domain ?? null,
    project: project ?? null,
    payload: JSON.stringify(event),
  };
}

/** Reads a bus as a member of the services' pool. A message is acknowledged when its deliveries are committed. */
export async function readBus(bus: Bus, engine: Engine): Promise<BusSubscription> {
  const reader = eventReader(bus.format ?? cloudEvents, '#');
  return bus.subscribe(
    reader.patterns,
    async (delivery) => {
      const event = await reader.read(delivery);
      if (event !== undefined) await engine.take(newEventOf(event));
    },
    // The order of a resource is that of its events in the log.
    { pool: servicePool, prefetch: 500, concurrency: 200 },
  );
}

/**
 * The service as a bus for a relay in the same process: what is published is confirmed when its deliveries
 * are committed, so that no event is between the outbox and the endpoints. Nobody subscribes to it.
 */
export function intakeBus(engine: Engine): Bus {
  const format = cloudEvents;
  const close = (): Promise<void> => Promise.resolve();
  const refuse = (): Promise<never> =>
    Promise.reject(
      RefusedError.of(
        'PUBLISH_REFUSED',
        'The notification service has no pools: subscribe by its API.',
      ),
    );
  return {
    name: 'notifications',
    capabilities: {
      reportsUnroutable: false,
      deadLetters: false,
      durable: true,
      marksRedelivered: false,
      unitesPatterns: false,
      choosesOrder: false,
    },
    format,
    connect: close,
    async publish({ key, id, headers, contentType, body }) {
      await engine.take(newEventOf(await format.decode({ key, id, headers, contentType, body })));
      return { routed: true };
    },
    publishToPool: refuse,
    hasPool: () => Promise.resolve(false),
    subscribe: refuse,
    close,
    [Symbol.asyncDispose]: close,
  };
}
