import { rabbitmq } from '../../../src/delivery/amqp/index.js';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { kafka, type KafkaOptions } from '../../../src/delivery/kafka/index.js';
import { nats } from '../../../src/delivery/nats/index.js';
import type { BusNoticeListener } from '../../../src/delivery/bus/notice.js';

/** Makes a bus of a fault world, as patient as a test can wait. */
export type FaultBus = (on: BusNoticeListener) => Bus;

/** @param urls Of one broker, or of the nodes of one cluster. */
export function onRabbitmq(urls: readonly string[], exchange = 'signalbox'): FaultBus {
  return (on) =>
    rabbitmq({
      url: urls,
      exchange,
      heartbeat: 2,
      connectTimeout: 3000,
      publishTimeout: 5000,
      on,
    });
}

/** @param urls Of one server, or of the nodes of one cluster, all of which then keep every message. */
export function onNats(urls: readonly string[]): FaultBus {
  const replicas = urls.length;
  return (on) => nats({ url: urls, replicas, ackWait: 1500, publishTimeout: 5000, on });
}

/** @param driver How the brokers are reached. */
export function onKafka(brokers: string, driver: NonNullable<KafkaOptions['driver']>): FaultBus {
  return (on) =>
    kafka({
      brokers,
      driver,
      connectTimeout: 2000,
      requestTimeout: 3000,
      publishTimeout: 5000,
      sessionTimeout: 6000,
      on,
    });
}
