import {
  rabbitmq,
  type ConsumerPoolOptions,
  type PoolDelivery,
  type RabbitmqBus,
  type RabbitmqOptions,
} from '../../../src/delivery/amqp/index.js';
import type { BusSubscription } from '../../../src/delivery/bus/bus.js';
import { uniqueName } from '../../support/unique-name.js';
import { openPlainPeer, type PlainPeer } from './plain-peer.js';

/** A message as a member of a pool handled it. */
export interface Handled {
  readonly body: unknown;
  readonly message: PoolDelivery;
}

/** A member of a pool, and what it has handled. */
export interface JoinedMember {
  readonly member: BusSubscription;
  readonly handled: readonly Handled[];
  readonly bodies: () => readonly unknown[];
}

/** Exchanges of others on a broker, one of our own, and a plain peer between them. */
export interface PoolPlace extends AsyncDisposable {
  /** The exchange of our buses. */
  readonly own: string;
  /** Two names for exchanges of others; nobody has declared them yet. */
  readonly nova: string;
  readonly cinder: string;
  readonly peer: PlainPeer;
  /** A bus as of another process of the same system. */
  connect(options?: Partial<RabbitmqOptions>): RabbitmqBus;
  /** Joins a pool and keeps what it handles. */
  join(
    bus: RabbitmqBus,
    options: ConsumerPoolOptions,
    handle?: (body: unknown, message: PoolDelivery) => void | Promise<void>,
  ): Promise<JoinedMember>;
  /** Queues to delete in the end, besides those of the pools. */
  readonly queues: Set<string>;
}

export async function openPoolPlace(url: string): Promise<PoolPlace> {
  const [own, nova, cinder] = [uniqueName('own'), uniqueName('nova'), uniqueName('cinder')];
  const peer = await openPlainPeer(url);
  const buses: RabbitmqBus[] = [];
  const queues = new Set<string>();
  return {
    own,
    nova,
    cinder,
    peer,
    queues,
    connect(options = {}) {
      const bus = rabbitmq({ url, exchange: own, ...options });
      buses.push(bus);
      return bus;
    },
    async join(bus, options, handle = () => {}) {
      const handled: Handled[] = [];
      const member = await bus.joinConsumerPool(options, async (body, message) => {
        await handle(body, message);
        handled.push({ body, message });
      });
      const pool = member.pool ?? '';
      queues.add(pool.startsWith('@') ? pool.slice(1) : `${own}/pool/${pool}`);
      queues.add(`${own}/dead/${pool}`);
      return { handled, member, bodies: () => handled.map(({ body }) => body) };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(buses.map((bus) => bus.close()));
      await peer[Symbol.asyncDispose]();
      await using cleaner = await openPlainPeer(url);
      for (const name of queues) await cleaner.channel.deleteQueue(name);
      for (const name of [own, `${own}/dead-letters`, nova, cinder]) {
        await cleaner.channel.deleteExchange(name);
      }
    },
  };
}

/** 0, 1, 2 and so on. */
export function numbers(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}
