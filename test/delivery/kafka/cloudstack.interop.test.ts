import { cloudStackEventTypes } from '../../../machines/index.js';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, migrations } from 'signalbox';
import { subscribeEvents } from 'signalbox/bus';
import { DataSource } from 'typeorm';
import { expect, it } from 'vitest';
import { loadBalancer, LoadBalancer } from '../../../examples/load-balancer.js';
import cloudStack from '../../fixtures/cloudstack-messages.json' with { type: 'json' };
import { kcat, startKafkaMock } from '../../support/kafka-mock.js';
import { uniqueName } from '../../support/unique-name.js';
// #region kafka
import { createSignalbox } from 'signalbox';
import { formats } from 'signalbox/formats';
import { kafka } from 'signalbox/kafka';

// #endregion
it('a plain console consumer reads on topic cs what the exporter of CloudStack writes there', async () => {
  const mock = await startKafkaMock();
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-kafka-'));
  const properties = join(directory, 'kafka.producer.properties');
  await writeFile(properties, `bootstrap.servers=${mock.brokers}\nacks=all\ntopic=cs\nretries=1\n`);
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  try {
    // #region kafka
    // As CloudStack has it: bootstrap.servers=…, acks=all, topic=cs
    const bus = kafka({ properties, format: formats.get('cloudstack', 'kafka') });
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [LoadBalancer],
      bus,
    });
    // #endregion
    const { uuid } = await signalbox.create(LoadBalancer, { members: 2 });
    const subject = { resource: loadBalancer.resource, uuid };
    const options = { subject, actor: 'alice', account: 'acme' };
    await signalbox.action('LB.CREATE', options, async () => {});
    const output = await kcat(mock.brokers, ['-C', '-t', 'cs', '-o', 'beginning', '-c', '3', '-q', '-f', '%k\x1f%s\n']); // prettier-ignore
    const records = output
      .trim()
      .split('\n')
      .map((line) => line.split('\x1f'));
    const bodies = records.map(([, body = '']) => JSON.parse(body) as Record<string, unknown>);
    expect(records.map(([key]) => key)).toEqual([uuid, uuid, uuid]);
    const theirs = cloudStack.messages.find(({ name }) => name === 'an action that completed');
    const actions = bodies.filter(({ event }) => event === 'LB.CREATE');
    expect(new Set(actions.map(({ status }) => status))).toEqual(new Set(['Started', 'Completed']));
    for (const body of actions) {
      const expected = Object.keys(JSON.parse(theirs?.body ?? '') as object);
      // The last is named after the kind of the entity.
      expect(Object.keys(body)).toEqual([...expected.slice(0, -1), loadBalancer.resource]);
      expect(body).toMatchObject({ entityuuid: uuid, user: 'alice', account: 'acme' });
      expect(body['eventDateTime']).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}$/);
    }
    await signalbox.close();
    await bus.close();
  } finally {
    await dataSource.destroy();
    await mock.kill();
    await rm(directory, { recursive: true });
  }
});

it('what CloudStack itself writes, without a routing key, reaches who selects it', async () => {
  const mock = await startKafkaMock();
  const theirs = cloudStack.messages.find(({ name }) => name === 'an action that completed');
  try {
    const format = formats.get('cloudstack', 'kafka');
    const bus = kafka({ brokers: mock.brokers, topic: 'cs', format });
    const seen: string[] = [];
    await subscribeEvents(bus, format, { category: 'ActionEvent' }, (event) => {
      seen.push(`${event.type} ${event.data.status}`);
    });
    await subscribeEvents(bus, format, { category: 'UsageEvent' }, ({ type }) => {
      seen.push(`usage ${type}`);
    });
    await kcat(mock.brokers, ['-P', '-t', 'cs', '-k', 'b5c9'], theirs?.body);
    await expect
      .poll(() => seen, { timeout: 60_000 })
      .toEqual([expect.stringMatching(/ Completed$/)]);
    await bus.close();
  } finally {
    await mock.kill();
  }
});

it('what a relay publishes reaches a pool in order, event by event', async () => {
  const mock = await startKafkaMock();
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  try {
    const bus = kafka({ brokers: mock.brokers, topic: uniqueName('relay') });
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [LoadBalancer],
      bus,
    });
    const seen: string[] = [];
    await signalbox.subscribe(
      { category: 'ResourceStateEvent', resource: loadBalancer.resource },
      ({ revision, data: { new: state } }, { contentType, headers }) => {
        seen.push(`${revision} ${state} ${contentType} ${headers['ce_revision']}`);
      },
      { pool: 'cmdb' },
    );
    const { uuid } = await signalbox.create(LoadBalancer, { members: 2 });
    await signalbox.transition(LoadBalancer, uuid, 'DeployRequested');
    await signalbox.transition(LoadBalancer, uuid, 'OperationSucceeded');
    await expect
      .poll(() => seen, { timeout: 60_000 })
      .toEqual([
        '1 Allocated application/json 1',
        '2 Deploying application/json 2',
        '3 Active.Healthy application/json 3',
      ]);
    await signalbox.close();
    await bus.close();
  } finally {
    await dataSource.destroy();
    await mock.kill();
  }
});
