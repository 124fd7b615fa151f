import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { nats, type NatsOptions } from '../../../src/delivery/nats/index.js';
import type { BusFixture } from '../../../src/testing/bus-conformance/fixture.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

/** A stream of its own on a server, behind a proxy that can break the connections. */
export interface NatsPlace extends BusFixture {
  readonly stream: string;
  connect(options?: Partial<NatsOptions>): Bus;
  interrupt(): Promise<void>;
}

export async function openNatsPlace(port: number): Promise<NatsPlace> {
  const proxy = await startTcpProxy({ host: '127.0.0.1', port });
  const stream = uniqueName('test');
  const buses: Bus[] = [];
  return {
    stream,
    connect(options = {}) {
      const bus = nats({
        url: `nats://127.0.0.1:${proxy.port}`,
        stream,
        ackWait: 2_000,
        ...options,
      });
      buses.push(bus);
      return bus;
    },
    async interrupt() {
      proxy.cut();
    },
    async dispose() {
      await Promise.all(buses.map((bus) => bus.close()));
      await proxy.close();
      const connection = await connectNats({ servers: `127.0.0.1:${port}` });
      const manager = await jetstreamManager(connection);
      for (const name of [stream, `${stream}-dead`, `${stream}-pools`]) {
        await manager.streams.delete(name).catch(() => false);
      }
      await connection.close();
    },
  };
}
