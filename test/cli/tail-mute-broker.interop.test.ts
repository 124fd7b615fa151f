import { expect, it } from 'vitest';
import { startSignalbox } from '../support/command-line.js';
import { startKafkaMock } from '../support/kafka-mock.js';
import { startPrivateNats } from '../support/private-nats.js';
import { serviceUrl } from '../support/service-url.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { uniqueName } from '../support/unique-name.js';

/** A broker that `tail` reads from, and how it stops answering while its connections stay open. */
interface Mutable {
  readonly address: string;
  mute(): void;
  dispose(): Promise<void>;
}

const brokers: Readonly<Record<string, () => Promise<Mutable>>> = {
  async RabbitMQ() {
    const { hostname, port, username, password } = new URL(serviceUrl('rabbitmq'));
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    return {
      address: `amqp://${username}:${password}@127.0.0.1:${proxy.port}`,
      mute: () => proxy.swallow(),
      dispose: () => proxy.close(),
    };
  },
  async NATS() {
    const server = await startPrivateNats();
    return {
      address: `${server.url}/${uniqueName('tail')}`,
      mute: () => server.pause(),
      dispose: () => server.dispose(),
    };
  },
  async Kafka() {
    const mock = await startKafkaMock();
    return {
      address: `kafka://${mock.brokers}/${uniqueName('tail')}`,
      mute: () => mock.pause(),
      dispose: async () => {
        mock.resume();
        await mock.kill();
      },
    };
  },
};

it.concurrent.each(Object.keys(brokers))(
  '`signalbox tail` ends when it is told to, though %s is mute',
  async (name) => {
    const broker = await brokers[name]?.();
    if (broker === undefined) return expect.unreachable();
    try {
      await using tail = startSignalbox(['tail', '--bus', broker.address]);
      await tail.line(/./, { from: 'stderr', deadline: 60_000 });
      broker.mute();
      tail.kill('SIGINT');
      expect(await tail.exited).toMatchObject({ code: 0, signal: null });
    } finally {
      await broker.dispose();
    }
  },
);
