import {
  AckPolicy,
  DeliverPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { jetStreamError } from './nats-error.js';
import type { NatsNames } from './names.js';
import type { NatsSettings } from './options.js';
import type { PoolCursor } from './pool-cursor.js';
import { isMissing } from './streams.js';
import { coveringFilter, widerFilter } from './subject.js';

/** More than all members of a pool can have in hand. */
const mostInHand = 100_000;

/** Milliseconds that an ephemeral consumer outlives its subscriber, which may come back. */
const inactive = 5 * 60_000;

/**
 * Makes the consumers of a pool, or widens their filter to what these patterns want too. What is published
 * before the pool is first made is not for it; consumers that were deleted go on in their place. Safe to
 * call again.
 */
export async function declarePoolConsumers(
  manager: JetStreamManager,
  names: NatsNames,
  pool: string,
  patterns: readonly string[],
  { ackWait, replicas }: NatsSettings,
  place: PoolCursor,
): Promise<void> {
  const direct = names.directConsumer(pool);
  const durable = names.consumer(pool);
  try {
    const stream = await manager.streams.info(names.stream);
    const own: string[] = [];
    const declare = async (name: string, filter: string): Promise<ConsumerInfo> => {
      const found = await find(manager, names.stream, name);
      if (found !== undefined) return found;
      try {
        const made = await manager.consumers.add(names.stream, {
          durable_name: name,
          filter_subject: filter,
          ack_policy: AckPolicy.Explicit,
          ack_wait: nanos(ackWait),
          max_ack_pending: mostInHand,
          num_replicas: replicas,
          ...beginning(place.startOf(name, stream)),
        });
        own.push(name);
        return made;
      } catch (error) {
        // Another member was faster, and may know another place.
        const made = await find(manager, names.stream, name);
        if (made === undefined) throw error;
        return made;
      }
    };
    await declare(direct, `${names.poolPrefix(pool)}.>`);
    const wanted = coveringFilter(names.keyPrefix, patterns);
    const found = await declare(durable, wanted);
    const infos = [
      await manager.consumers.info(names.stream, direct),
      await manager.consumers.info(names.stream, durable),
    ];
    const { created } = await manager.streams.info(names.stream);
    if (created !== stream.created) {
      // They begin where something was in the former stream, and would pass over as much of this one.
      for (const name of own) await manager.consumers.delete(names.stream, name);
      throw new Error(`the stream ${names.stream} was made anew meanwhile`);
    }
    place.began(stream);
    for (const info of infos) {
      place.note(info.name, info.ack_floor.stream_seq);
      place.noteMade(info.name, info.created);
    }
    const current = found.config.filter_subject ?? `${names.keyPrefix}.>`;
    const widened = widerFilter(current, wanted);
    if (widened === current) return;
    await manager.consumers.update(names.stream, durable, { filter_subject: widened });
  } catch (error) {
    throw jetStreamError(error, `the pool ${pool}`);
  }
}

/** State of a consumer as its server reports it. */
export interface ConsumerState {
  /** How much it has handed out so far, to anybody. */
  readonly turn: number;
  /** How far in the stream that was; what is behind it was never handed out. */
  readonly sequence: number;
  /** How many messages it has handed out that are not acknowledged. */
  readonly pending: number;
}

/** State of a pool's consumers as their servers report it. */
export interface PoolState {
  /** Servers that answered for them. */
  readonly leaders: string;
  /** True where others may answer for them next. */
  readonly clustered: boolean;
  /** By their names. */
  readonly consumers: ReadonlyMap<string, ConsumerState>;
}

/**
 * Asks how far the consumers of a pool are. Resolves with undefined when they are gone, or others are in
 * their place. Rejects when the server does not answer.
 */
export async function notePoolPlace(
  manager: JetStreamManager,
  names: NatsNames,
  pool: string,
  place: PoolCursor,
): Promise<PoolState | undefined> {
  const leaders: string[] = [];
  const consumers = new Map<string, ConsumerState>();
  for (const consumer of [names.consumer(pool), names.directConsumer(pool)]) {
    const info = await find(manager, names.stream, consumer);
    if (info === undefined) return undefined;
    if (!place.isSame(consumer, info.created)) {
      if (!place.isNearlySame(consumer, info.created)) return undefined;
      const { created } = await manager.streams.info(names.stream);
      if (created !== place.stream) return undefined;
      place.noteMade(consumer, info.created);
    }
    const { ack_floor, delivered, num_ack_pending, cluster } = info;
    place.note(consumer, ack_floor.stream_seq);
    leaders.push(cluster?.leader ?? '');
    consumers.set(consumer, {
      turn: delivered.consumer_seq,
      sequence: delivered.stream_seq,
      pending: num_ack_pending,
    });
  }
  return { leaders: leaders.join(), clustered: leaders.some((each) => each !== ''), consumers };
}

/** Makes the consumer of an ephemeral subscription and resolves with its name. */
export async function addEphemeralConsumer(
  manager: JetStreamManager,
  names: NatsNames,
  patterns: readonly string[],
  after: number | undefined,
  { ackWait }: NatsSettings,
): Promise<string> {
  try {
    const { name } = await manager.consumers.add(names.stream, {
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWait),
      max_ack_pending: mostInHand,
      inactive_threshold: nanos(inactive),
      filter_subject: coveringFilter(names.keyPrefix, patterns),
      ...beginning(after),
    });
    return name;
  } catch (error) {
    throw jetStreamError(error, `a subscription to the stream ${names.stream}`);
  }
}

/** Where a consumer begins: behind a place of the stream, or with what comes from now on. */
function beginning(after: number | undefined): Partial<ConsumerConfig> {
  return after === undefined
    ? { deliver_policy: DeliverPolicy.New }
    : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 };
}

/** Deletes a pool: its consumers, its record, and what was given to it alone. Dead letters stay. */
export async function removePool(
  manager: JetStreamManager,
  names: NatsNames,
  pool: string,
): Promise<void> {
  try {
    for (const consumer of [names.consumer(pool), names.directConsumer(pool)]) {
      await manager.consumers.delete(names.stream, consumer).catch(unlessMissing);
    }
    await manager.streams.purge(names.poolStream, { filter: names.poolSubject(pool) });
    await manager.streams.purge(names.stream, { filter: `${names.poolPrefix(pool)}.>` });
  } catch (error) {
    throw jetStreamError(error, `the pool ${pool}`);
  }
}

/** Whether a pool was made, and not removed. Rejects with UnavailableError when the server is away. */
export async function poolExists(
  manager: JetStreamManager,
  names: NatsNames,
  pool: string,
): Promise<boolean> {
  try {
    return (await find(manager, names.stream, names.directConsumer(pool))) !== undefined;
  } catch (error) {
    throw jetStreamError(error, `the pool ${pool}`);
  }
}

async function find(
  manager: JetStreamManager,
  stream: string,
  consumer: string,
): Promise<ConsumerInfo | undefined> {
  return manager.consumers.info(stream, consumer).catch((error: unknown) => {
    unlessMissing(error);
    return undefined;
  });
}

function unlessMissing(error: unknown): false {
  if (isMissing(error)) return false;
  throw error;
}
