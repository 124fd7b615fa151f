import { connect, type Socket } from 'node:net';
import type { Bus } from '../../../src/bus/bus.js';
import { kafka, kafkajsDriver, type KafkaOptions } from '../../../src/bus/kafka/index.js';
import type { BusFixture } from '../../../src/testing/bus-conformance/fixture.js';
import { uniqueName } from '../../support/unique-name.js';

/** A topic of its own on a cluster, reached through sockets that a test can break. */
export interface KafkaPlace extends BusFixture {
  readonly topic: string;
  connect(options?: Partial<KafkaOptions>): Bus;
  readonly interrupt: () => Promise<void>;
}

export function openKafkaPlace(brokers: string): KafkaPlace {
  const topic = uniqueName('test');
  const buses: Bus[] = [];
  const sockets = new Set<Socket>();
  return {
    topic,
    connect(options = {}) {
      const bus = kafka({
        brokers,
        topic,
        // The mock holds a rebalance back for nearly as long.
        sessionTimeout: 3_000,
        driver: (config) =>
          kafkajsDriver(config, ({ host, port, onConnect }) => {
            const socket = connect({ host, port }, onConnect);
            sockets.add(socket);
            socket.on('close', () => sockets.delete(socket));
            return socket;
          }),
        ...options,
      });
      buses.push(bus);
      return bus;
    },
    async interrupt() {
      for (const socket of sockets) {
        socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
      }
    },
    async dispose() {
      await Promise.all(buses.map((bus) => bus.close()));
    },
  };
}
