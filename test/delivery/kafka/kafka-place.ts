import { connect, type Socket } from 'node:net';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { kafka, kafkajsDriver, type KafkaOptions } from '../../../src/delivery/kafka/index.js';
import type { BusFixture } from '../../../src/testing/bus-conformance/fixture.js';
import { uniqueName } from '../../support/unique-name.js';

/** A topic of its own on a cluster, reached through a network that a test can break. */
export interface KafkaPlace extends BusFixture {
  readonly topic: string;
  connect(options?: Partial<KafkaOptions>, network?: KafkaNetwork): Bus;
  readonly interrupt: () => Promise<void>;
}

/** The sockets of some buses. */
export class KafkaNetwork {
  readonly #sockets = new Set<Socket>();
  #broken = false;
  /** Where connections go, whatever address the cluster tells; undefined for that one. */
  port: number | undefined;

  readonly driver: NonNullable<KafkaOptions['driver']> = (config) =>
    kafkajsDriver(config, ({ host, port, onConnect }) => {
      const socket = this.#broken
        ? connect({ host, port: 1 }, onConnect)
        : connect({ host, port: this.port ?? port }, onConnect);
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      return socket;
    });

  /** How many connections are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Breaks every connection; new ones are made. */
  cut(): void {
    for (const socket of this.#sockets) {
      socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    }
  }

  /** Breaks every connection, and lets no new one be made until `mend`. */
  break(): void {
    this.#broken = true;
    this.cut();
  }

  mend(): void {
    this.#broken = false;
  }
}

export function openKafkaPlace(brokers: string): KafkaPlace {
  const topic = uniqueName('test');
  const buses: Bus[] = [];
  const shared = new KafkaNetwork();
  return {
    topic,
    connect(options = {}, network = shared) {
      const bus = kafka({
        brokers,
        topic,
        // The mock holds a rebalance back for nearly as long.
        sessionTimeout: 4_000,
        driver: network.driver,
        ...options,
      });
      buses.push(bus);
      return bus;
    },
    async interrupt() {
      shared.cut();
    },
    async dispose() {
      await Promise.all(buses.map((bus) => bus.close()));
    },
  };
}
