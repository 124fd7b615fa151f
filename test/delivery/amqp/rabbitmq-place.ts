import { connect } from 'amqplib';
import { rabbitmq, type RabbitmqOptions } from '../../../src/delivery/amqp/index.js';
import { completeRabbitmqOptions } from '../../../src/delivery/amqp/options.js';
import { topologyNames } from '../../../src/delivery/amqp/topology.js';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import type { BusFixture } from '../../../src/testing/bus-conformance/fixture.js';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

/** An exchange of its own on a broker, behind a proxy that can break the connections. */
export interface RabbitmqPlace extends BusFixture {
  readonly exchange: string;
  /** Of the broker, not through the proxy. */
  readonly url: string;
  readonly proxy: TcpProxy;
  connect(options?: Partial<RabbitmqOptions>): Bus;
  interrupt(): Promise<void>;
}

export async function openRabbitmqPlace(url: string): Promise<RabbitmqPlace> {
  const target = new URL(url);
  const proxy = await startTcpProxy({ host: target.hostname, port: Number(target.port || 5672) });
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(proxy.port);
  const exchange = uniqueName('test');
  const buses: Bus[] = [];
  const pools = new Set<string>();
  return {
    exchange,
    url,
    proxy,
    connect(options = {}) {
      const bus = rabbitmq({ url: through.href, exchange, ...options });
      const subscribe = bus.subscribe.bind(bus);
      bus.subscribe = (patterns, handler, settings) => {
        if (settings?.pool !== undefined) pools.add(settings.pool);
        return subscribe(patterns, handler, settings);
      };
      buses.push(bus);
      return bus;
    },
    async interrupt() {
      proxy.cut();
    },
    async dispose() {
      await Promise.all(buses.map((bus) => bus.close()));
      await proxy.close();
      await removeTopology(url, exchange, pools);
    },
  };
}

/** Deletes what buses of the exchange have made. */
export async function removeTopology(
  url: string,
  exchange: string,
  pools: Iterable<string>,
): Promise<void> {
  const names = topologyNames(completeRabbitmqOptions({ url, exchange }));
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const pool of pools) {
    await channel.deleteQueue(names.poolQueue(pool));
    await channel.deleteQueue(names.deadLetterQueue(pool));
  }
  await channel.deleteQueue(names.unroutable);
  for (const name of [exchange, names.deadLetterExchange, names.unroutable]) {
    await channel.deleteExchange(name);
  }
  await connection.close();
}
