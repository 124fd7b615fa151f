import { cloudStackEventTypes } from '../../machines/index.js';
import { migrate, migrations } from 'signalbox';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LoadBalancer } from '../../examples/load-balancer.js';
import type { Bus, Delivery } from '../../src/delivery/bus/bus.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { ResourceStateEvent } from '../../src/core/events/event.js';
import type { Format } from '../../src/delivery/formats/format.js';
import { defineEventTypes } from '../../src/core/events/event-types.js';
import { cloudEvents } from '../../src/delivery/formats/cloudevents.js';
import { defineFormats } from '../../src/delivery/formats/formats.js';
import { encryptedFields } from '../../src/delivery/formats/protection/private-fields.js';
import { signedEvents } from '../../src/delivery/formats/protection/signed-events.js';
import { idempotent } from '../../src/consuming/inbox/idempotent.js';
import { replayedAt } from '../../src/consuming/replay/replayed.js';
import { openRabbitmqPlace } from '../delivery/amqp/rabbitmq-place.js';
import { openKafkaPlace } from '../delivery/kafka/kafka-place.js';
import { openNatsPlace } from '../delivery/nats/nats-place.js';
import { eventually } from '../support/eventually.js';
import { startKafkaMock, type KafkaMock } from '../support/kafka-mock.js';
import { startPrivateNats, type PrivateNats } from '../support/private-nats.js';
import { serviceUrl } from '../support/service-url.js';

let cluster: KafkaMock;
let server: PrivateNats;
beforeAll(async () => {
  [cluster, server] = await Promise.all([startKafkaMock(), startPrivateNats()]);
});
afterAll(() => Promise.all([cluster.kill(), server.dispose()]));

interface Place {
  connect(options: { readonly format?: Format }): Bus;
  dispose(): Promise<void>;
}

const places = {
  amqp: (): Promise<Place> => openRabbitmqPlace(serviceUrl('rabbitmq')),
  nats: (): Promise<Place> => openNatsPlace(server.port),
  kafka: async (): Promise<Place> => openKafkaPlace(cluster.brokers),
} as const;

const key = Buffer.alloc(32, 7).toString('base64');
const formats = defineFormats([
  signedEvents(
    encryptedFields(
      cloudEvents,
      defineEventTypes({}, { privateFields: { '*': ['actor', 'account'] } }),
      { keys: [{ id: 'fields', key }] },
    ),
    { keys: [{ id: 'bus', key: `whsec_${key}` }] },
  ),
]);

const all = (['amqp', 'nats', 'kafka'] as const).flatMap((transport) =>
  [undefined, ...formats.names.slice(1)].map((name) => ({ transport, name })),
);

it.concurrent.each(all)(
  'over $transport with the format $name, pools, the inbox, a replay and a watch agree',
  async ({ transport, name }) => {
    const place = await places[transport]();
    const bus = place.connect(name === undefined ? {} : { format: formats.get(name, transport) });
    const dataSource = await new DataSource({
      type: 'better-sqlite3',
      database: ':memory:',
      entities: [LoadBalancer],
      migrations: [...migrations],
      synchronize: true,
    }).initialize();
    await migrate(dataSource);
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [LoadBalancer],
      bus,
    });
    const selection = { category: 'ResourceStateEvent', resource: 'LoadBalancer' } as const;
    const seen: string[] = [];
    const handled: string[] = [];
    let deliveries = 0;
    const once = idempotent(dataSource, (_, { data }: ResourceStateEvent, _delivery: Delivery) => {
      handled.push(`${data.old} → ${data.new}`);
    });
    const told: string[] = [];
    const [watch] = await Promise.all([
      signalbox.watch(LoadBalancer),
      signalbox.subscribe(
        selection,
        ({ id }, delivery) => {
          seen.push(`${id} ${replayedAt(delivery) === undefined ? 'live' : 'replayed'}`);
        },
        { pool: 'plain' },
      ),
      signalbox.subscribe(
        selection,
        async (event, delivery) => {
          await once(event, delivery);
          deliveries += 1;
        },
        { pool: 'once' },
      ),
    ]);
    let synced = false;
    const watching = (async () => {
      for await (const change of watch) {
        if (change.type === 'synced') synced = true;
        if ('event' in change) told.push(change.resource.state);
      }
    })();
    await eventually(() => expect(synced).toBe(true));
    const { uuid } = await signalbox.create(LoadBalancer, { members: 2 });
    await signalbox.transition(LoadBalancer, uuid, 'DeployRequested');
    await eventually(() => expect([seen.length, deliveries]).toEqual([2, 2]), { deadline: 60_000 });
    const history = await signalbox.history(LoadBalancer, uuid);
    const ids = history.map(({ id }) => id);
    for (const pool of ['plain', 'once']) {
      expect(await signalbox.replay(selection, { pool })).toMatchObject({ replayed: 2 });
    }
    await eventually(() => expect([seen.length, deliveries]).toEqual([4, 4]), { deadline: 60_000 });
    expect(seen).toEqual([...ids.map((id) => `${id} live`), ...ids.map((id) => `${id} replayed`)]);
    expect(handled).toEqual(['null → Allocated', 'Allocated → Deploying']);
    // Without a revision no event tells a change.
    const changes = name === 'cloudstack' ? [] : ['Allocated', 'Deploying'];
    await eventually(() => expect(told).toEqual(changes));
    await signalbox.close();
    await watching;
    await dataSource.destroy();
    await place.dispose();
  },
);
