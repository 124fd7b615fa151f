import {
  AckPolicy,
  DeliverPolicy,
  type ConsumerInfo,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { jetStreamError } from './nats-error.js';
import type { NatsNames } from './names.js';
import type { NatsSettings } from './options.js';
import { isMissing } from './streams.js';
import { coveringFilter, widerFilter } from './subject.js';

/** More than all members of a pool can have in hand. */
const mostInHand = 100_000;

/** Milliseconds that an ephemeral consumer outlives its subscriber, which may come back. */
const inactive = 5 * 60_000;

/**
 * Makes the consumers of a pool, or widens their filter to what these patterns want too. What is published
 * before the pool is first made is not for it. Safe to call again.
 */
export async function declarePoolConsumers(
  manager: JetStreamManager,
  names: NatsNames,
  pool: string,
  patterns: readonly string[],
  { ackWait, replicas }: NatsSettings,
): Promise<void> {
  const shared = {
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ackWait),
    max_ack_pending: mostInHand,
    deliver_policy: DeliverPolicy.New,
    num_replicas: replicas,
  };
  try {
    const direct = names.directConsumer(pool);
    if ((await find(manager, names.stream, direct)) === undefined) {
      await manager.consumers.add(names.stream, {
        ...shared,
        durable_name: direct,
        filter_subject: `${names.poolPrefix(pool)}.>`,
      });
    }
    const wanted = coveringFilter(names.keyPrefix, patterns);
    const durable = names.consumer(pool);
    const found = await find(manager, names.stream, durable);
    if (found === undefined) {
      await manager.consumers.add(names.stream, {
        ...shared,
        durable_name: durable,
        filter_subject: wanted,
      });
      return;
    }
    const current = found.config.filter_subject ?? `${names.keyPrefix}.>`;
    const widened = widerFilter(current, wanted);
    if (widened === current) return;
    await manager.consumers.update(names.stream, durable, { filter_subject: widened });
  } catch (error) {
    throw jetStreamError(error, `the pool ${pool}`);
  }
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
      ...(after === undefined
        ? { deliver_policy: DeliverPolicy.New }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }),
    });
    return name;
  } catch (error) {
    throw jetStreamError(error, `a subscription to the stream ${names.stream}`);
  }
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
