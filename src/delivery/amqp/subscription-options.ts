import type { ConsumeMessage } from 'amqplib';
import type { Tried } from '../bus/delivery-dispatcher.js';
import type { HandlingFailure } from '../bus/handling-failure.js';
import type { BusNoticeListener } from '../bus/notice.js';
import type { SubscribeSettings } from '../bus/subscribe-settings.js';
import type { Unsettled } from '../bus/unsettled.js';
import type { BegunMarks } from './begun-marks.js';
import type { AmqpConnection } from './connection.js';
import type { ConsumerTimeout } from './consumer-timeout.js';
import type { RabbitmqSettings } from './options.js';
import type { PoolRemovals } from './pool-removals.js';
import type { QueueSource } from './queue-source.js';

/** The parts of a message that a subscription uses. */
export interface Identified {
  readonly id: string;
  readonly partitionKey?: string;
}

/** The parts of a subscription. */
export interface SubscriptionOptions<M extends Identified> {
  readonly connection: AmqpConnection;
  readonly bus: RabbitmqSettings;
  readonly source: QueueSource;
  /** Pure. Must not throw. */
  readonly read: (received: ConsumeMessage) => M;
  readonly handler: (delivery: Tried<M>, signal: AbortSignal) => void | Promise<void>;
  readonly settings: SubscribeSettings;
  readonly notify: BusNoticeListener;
  /** Keeps the making and the removing of pools apart. */
  readonly removals: PoolRemovals;
  readonly timeout: ConsumerTimeout;
  /** Messages that members of the pool in this process returned, or lost with their channels. */
  readonly unsettled: Unsettled;
  /** Marks of handlers that have begun; absent for an ephemeral subscription. */
  readonly marks: BegunMarks | undefined;
  /**
   * Publishes to the dead letters of the pool. Resolves when they have the message, or with the error of a
   * broker that refuses it in every form. Rejects when the broker is away.
   */
  readonly deadLetter: (
    pool: string,
    received: ConsumeMessage,
    failure: HandlingFailure,
    /** Nobody else keeps the message: also with less than it came with. */
    isLastResort: boolean,
  ) => Promise<Error | undefined>;
  /** Messages that arrive from this exchange were redriven. */
  readonly deadLetterExchange: string;
  readonly onEnd: () => void;
}
