import type { ConsumeMessage } from 'amqplib';
import { untried, type HandlingFailure } from '../bus/handling-failure.js';
import type { IncomingDelivery } from '../bus/incoming-delivery.js';
import { oversized } from '../bus/max-incoming.js';
import type { WorkUntilEnd } from '../bus/work-until-end.js';
import type { Acknowledgements } from './acknowledgements.js';
import { unwrapped } from './encapsulated.js';
import { lazyIdentity } from './message-identity.js';
import { unreadableHeaders } from './received-properties.js';
import type { Identified, SubscriptionOptions } from './subscription-options.js';

/** Bytes of a message that may stay in memory for its identity after it was handled. */
const largestKept = 16 * 1024;

interface ReceivedOptions<M extends Identified> {
  readonly acknowledgements: Acknowledgements;
  readonly options: SubscriptionOptions<M>;
  readonly work: WorkUntilEnd;
  /** Makes what the pool needs and somebody may have deleted. */
  readonly declare: () => Promise<void>;
}

/** A message that came on a channel, as the dispatcher takes it. */
export function receivedDelivery<M extends Identified>(
  delivered: ConsumeMessage,
  { acknowledgements, options, work, declare }: ReceivedOptions<M>,
): IncomingDelivery<M> {
  const { deliveryTag: tag, redelivered } = delivered.fields;
  const received = unwrapped(delivered, options.deadLetterExchange);
  const failure = refusalOf(received, options.settings.maxIncoming);
  const identity = lazyIdentity(delivered);
  const named = typeof delivered.properties.messageId === 'string';
  const large = delivered.content.length > largestKept;
  const acknowledge = (): void => {
    // What is done is remembered for a while, and must not keep its bytes.
    if (named && large) identity();
    acknowledgements.settle({ tag, named, identity });
  };
  const begun = redelivered ? options.marks?.of(identity) : undefined;
  return {
    message: options.read(received),
    redelivered,
    identity,
    mayBeKnown: redelivered,
    ...(begun === undefined ? {} : { begun }),
    ...(failure === undefined ? {} : { failure }),
    acknowledge,
    giveUp: async (failure) => {
      if (await work.run(isPutAside(received, failure, options, declare))) acknowledge();
      else acknowledgements.reject(tag);
    },
  };
}

/** Why a message is put aside unseen. */
function refusalOf(
  { properties, content }: ConsumeMessage,
  maxIncoming: number,
): HandlingFailure | undefined {
  const fault = unreadableHeaders(properties);
  if (fault !== undefined) return untried(`its headers ${fault}`);
  return oversized(content.length, maxIncoming);
}

/** Resolves with false when the broker is to dead-letter the message, as it refuses each form of ours. */
async function isPutAside<M extends Identified>(
  received: ConsumeMessage,
  failure: HandlingFailure,
  { read, source, notify, deadLetter }: SubscriptionOptions<M>,
  declare: () => Promise<void>,
): Promise<boolean> {
  const { id } = read(received);
  const told = { subscription: source.label, id, reason: failure.reason };
  if (source.pool === undefined) {
    notify({ kind: 'dropped', ...told });
    return true;
  }
  // Published first and acknowledged then: a crash between leaves it in both places, never in none.
  let refused: Error | undefined;
  try {
    refused = await deadLetter(source.pool, received, failure, !source.deadLettersRejected);
    if (refused !== undefined && !source.deadLettersRejected) throw refused;
  } catch (error) {
    // Somebody may have deleted the dead-letter queue: it is there for the next try.
    await declare();
    throw error;
  }
  notify({ kind: 'deadLettered', ...told });
  return refused === undefined;
}
