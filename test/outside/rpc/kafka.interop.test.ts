import { expect, it } from 'vitest';
import { EventManager } from '../../../src/outside/rpc/event-manager.js';
import { ServiceManager } from '../../../src/outside/rpc/service-manager.js';
import { openKafkaPlace } from '../../delivery/kafka/kafka-place.js';
import { startKafkaMock } from '../../support/kafka-mock.js';

it('events and calls go over Kafka too', async () => {
  const mock = await startKafkaMock();
  const place = openKafkaPlace(mock.brokers);
  const [here, there] = [place.connect(), place.connect()];
  interface Services {
    volumes: { attach(args: { volume: string }): { device: string } };
  }
  const services = new ServiceManager<Services>({ bus: there });
  const caller = new ServiceManager<Services>({ bus: here, timeout: 60_000 });
  const emitter = new EventManager<{ 'host.started': string }>({ bus: here });
  const events = new EventManager<{ 'host.started': string }>({ bus: there });
  try {
    const seen: string[] = [];
    await Promise.all([
      services.expose('volumes', { attach: ({ volume }) => ({ device: `of ${volume}` }) }),
      events.subscribe('host.*', (host) => seen.push(`ephemeral ${host}`)),
      events.subscribe('host.started', (host) => seen.push(`pool ${host}`), { pool: 'audit' }),
    ]);
    await emitter.emit('host.started', 'n1');
    expect(await caller.client('volumes').attach({ volume: 'v1' })).toEqual({ device: 'of v1' });
    await expect
      .poll(() => seen.toSorted(), { timeout: 60_000 })
      .toEqual(['ephemeral n1', 'pool n1']);
  } finally {
    await Promise.all([services, caller, emitter, events].map((each) => each.close()));
    await place.dispose();
    await mock.kill();
  }
});
