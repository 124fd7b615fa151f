import { readFileSync } from 'node:fs';
import { memoryBus } from 'signalbox';
import { expect, it } from 'vitest';
import { idsByResource, openCloud, outboxEmpty } from '../test/e2e/support/cloud.js';
import { Probe } from '../test/e2e/support/probe.js';
import { eventually } from '../test/support/eventually.js';

const partitionJournal = readFileSync(new URL('partitions/postgres.sql', import.meta.url), 'utf8');

/** The resources' own table, as its owner may have made it. */
const partitionProbes = `
  CREATE TABLE partitioned (LIKE probe INCLUDING ALL) PARTITION BY HASH (uuid);
  CREATE TABLE probe_0 PARTITION OF partitioned FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE probe_1 PARTITION OF partitioned FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  DROP TABLE probe;
  ALTER TABLE partitioned RENAME TO probe`;

it('under load the journal goes into partitions, nothing is lost or reordered, and an old one is detached', async () => {
  await using cloud = await openCloud('postgres');
  const query = (sql: string) => cloud.dataSource.query<Record<string, string>[]>(sql);
  await query(partitionProbes);
  const bus = memoryBus();
  const received = new Map<string, string[]>();
  await bus.subscribe(['#'], ({ id, partitionKey = '' }) => {
    received.set(partitionKey, [...(received.get(partitionKey) ?? []), id]);
  });
  const signalbox = await cloud.open({ bus, deadlines: false });
  const probes = await Promise.all(Array.from({ length: 12 }, () => signalbox.create(Probe)));
  const [hot, ...others] = probes.map(({ uuid }) => uuid) as [string, ...string[]];

  let steps = 0;
  let isOver = false;
  const walking = others.map(async (uuid) => {
    while (!isOver) {
      await signalbox.transition(Probe, uuid, 'Begin');
      await signalbox.transition(Probe, uuid, 'Finished');
      steps += 2;
    }
  });
  const moreSteps = async () => {
    const goal = steps + 200;
    await eventually(() => expect(steps).toBeGreaterThan(goal), { deadline: 30_000 });
  };
  await moreSteps();
  await query(partitionJournal);
  await moreSteps();
  isOver = true;
  await Promise.all(walking);
  // Callers of one resource share commits, in partitions too.
  await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      signalbox.transition(Probe, hot, index % 2 === 0 ? 'Begin' : 'Finished'),
    ),
  );
  await outboxEmpty(signalbox);

  const journal = await cloud.journal();
  const announced = idsByResource(journal.map(({ event }) => event));
  await eventually(() => expect(received).toEqual(announced));
  for (const uuid of [hot, ...others]) {
    const own = journal.filter(({ event }) => event.partitionkey === uuid);
    const revisions = own
      .filter(({ event }) => event.category === 'ResourceStateEvent')
      .map(({ event }) => event.revision);
    expect(revisions).toEqual(revisions.map((_, index) => index + 1));
  }
  const partitions = await query(
    'SELECT DISTINCT tableoid::regclass::text AS name FROM signalbox_journal ORDER BY name',
  );
  expect(partitions.map(({ name }) => name)).toEqual([
    'signalbox_journal_1',
    'signalbox_journal_old',
  ]);

  await query('ALTER TABLE signalbox_journal DETACH PARTITION signalbox_journal_old');
  await signalbox.transition(Probe, hot, 'Begin');
  await outboxEmpty(signalbox);
  await eventually(() =>
    expect(received.get(hot)).toHaveLength((announced.get(hot)?.length ?? 0) + 1),
  );
});
