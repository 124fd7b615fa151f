import type { DueDeadline } from '../../src/core/stores/deadline-store.js';
import type { DataSource } from 'typeorm';
import { v4 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { partitionOf } from '../../src/persistence/partition.js';
import { type OutboxRecord, partitionCount } from '../../src/core/stores/outbox-store.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import {
  alertEvent,
  openDataSource,
  type RelayTables,
  relayTables,
  stateEvent,
} from './relay-tables.js';

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  let store: RelayTables;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    dataSource = await openDataSource(database.options);
    store = relayTables(dataSource);
  });

  afterAll(async () => {
    await dataSource?.destroy();
    await database?.dispose();
  });

  beforeEach(async () => {
    for (const table of ['journal', 'outbox', 'parked', 'deadline', 'relay']) {
      await dataSource.query(`DELETE FROM signalbox_${table}`);
    }
    await dataSource.query('UPDATE signalbox_lease SET relay = NULL, expires_at = NULL');
  });

  const readAll = (bus: string | null = null) =>
    store.outbox.read({ partitions: 'all', bus, except: [], limit: 1000 });

  const ids = (rows: readonly { readonly id: string }[]) => rows.map((row) => row.id);

  describe('outbox', () => {
    test('rows come back as they were appended, lowest position first', async () => {
      const entries = [stateEvent(), alertEvent(), stateEvent()];
      await store.append(entries);
      const rows = await readAll();
      expect(rows).toEqual(
        // All that a bus is told; revision and time are in the payload.
        entries.map(({ revision: _revision, time: _time, ...entry }) => ({
          ...entry,
          position: expect.any(Number),
          bus: '',
          partition: partitionOf(entry.uuid ?? entry.id),
        })),
      );
      expect(rows.map((row) => row.position)).toEqual(
        rows.map((row) => row.position).toSorted((a, b) => a - b),
      );
    });

    test('a read passes over what the caller has, other partitions and other buses', async () => {
      const entries = Array.from({ length: 20 }, () => stateEvent());
      await store.append(entries);
      const rows = await readAll();
      const [first, second, third] = rows as [OutboxRecord, OutboxRecord, OutboxRecord];
      const except = [first.position, third.position];
      const read = { partitions: 'all', bus: null, except, limit: 1 } as const;
      expect(ids(await store.outbox.read(read))).toEqual([second.id]);
      const partitions = [first.partition, third.partition];
      expect(ids(await store.outbox.read({ ...read, partitions, except: [], limit: 100 }))).toEqual(
        ids(rows.filter((row) => partitions.includes(row.partition))),
      );
      expect(await store.outbox.read({ ...read, partitions: [] })).toEqual([]);
      expect(await store.outbox.read({ ...read, bus: 'amqp' })).toEqual([]);
    });

    test('thousands of rows that the caller has cost it none of the others', async () => {
      await store.append(Array.from({ length: 3000 }, () => stateEvent()));
      const rows = await store.outbox.read({
        partitions: 'all',
        bus: null,
        except: [],
        limit: 3000,
      });
      const except = rows.slice(0, 2990).map((row) => row.position);
      const rest = await store.outbox.read({ partitions: 'all', bus: null, except, limit: 1000 });
      expect(ids(rest)).toEqual(ids(rows.slice(2990)));
      await store.outbox.remove(rows);
      expect(await readAll()).toEqual([]);
    });

    // SQLite has one writer, and no other process that its lock could outlive.
    test.skipIf(kind === 'sqlite')(
      'a removal has no transaction of its own, in which a frozen relay would hold locks',
      async () => {
        await store.append([stateEvent(), stateEvent()]);
        const transactions = vi.spyOn(dataSource, 'transaction');
        await store.outbox.remove(await readAll());
        expect(transactions).not.toHaveBeenCalled();
        transactions.mockRestore();
        expect(await readAll()).toEqual([]);
      },
    );

    test('fanning out makes one row for each bus, once, and none for no bus', async () => {
      await store.append([stateEvent(), stateEvent(), stateEvent()]);
      const rows = await readAll();
      const fanOut = { partitions: 'all', buses: ['one', 'two'], limit: 2 } as const;
      expect(await store.outbox.fanOut(fanOut)).toBe(2);
      expect(await store.outbox.fanOut(fanOut)).toBe(1);
      expect(await store.outbox.fanOut(fanOut)).toBe(0);
      expect(await readAll()).toEqual([]);
      expect(ids(await readAll('one'))).toEqual(ids(rows));
      await store.outbox.remove(await readAll('one'));
      expect(ids(await readAll('two'))).toEqual(ids(rows));
      await store.append([stateEvent()]);
      expect(await store.outbox.fanOut({ ...fanOut, buses: [] })).toBe(1);
      expect(await readAll()).toEqual([]);
      expect(await store.outbox.depth()).toMatchObject({ pending: 3 });
    });

    test('fanning out touches only the given partitions', async () => {
      await store.append(Array.from({ length: 10 }, () => stateEvent()));
      const [first] = (await readAll()) as [OutboxRecord];
      await store.outbox.fanOut({ partitions: [first.partition], buses: ['one'], limit: 10 });
      expect(new Set((await readAll('one')).map((row) => row.partition))).toEqual(
        new Set([first.partition]),
      );
      expect((await readAll()).some((row) => row.partition === first.partition)).toBe(false);
    });

    test('a parked row takes its alert with it, and holds back its own resource only', async () => {
      const [mine, other] = [v4(), v4()];
      const entries = [stateEvent(mine, 1), stateEvent(other, 1), stateEvent(mine, 2)];
      await store.append(entries);
      const [first, second, third] = (await readAll()) as [
        OutboxRecord,
        OutboxRecord,
        OutboxRecord,
      ];
      const alert = alertEvent();
      expect(await store.outbox.hold([third])).toEqual([]);
      expect(await store.outbox.park(first, 'too large', alert)).toBe(true);
      expect(await store.outbox.parkedResources('')).toEqual(new Set([mine]));
      expect(await store.outbox.parkedResources('amqp')).toEqual(new Set());
      const held = await store.outbox.hold([second, third]);
      expect(held.map((ref) => ref.position)).toEqual([third.position]);
      expect(ids(await readAll())).toEqual([second.id, alert.id]);
      const { partition, bus } = first;
      expect(await store.outbox.listParked({ limit: 10 })).toEqual([
        {
          ...first,
          ...entries[0],
          partition,
          bus,
          status: 'parked',
          reason: 'too large',
          parkedAt: expect.any(String),
        },
        {
          ...third,
          ...entries[2],
          status: 'held',
          reason: expect.any(String),
          parkedAt: expect.any(String),
        },
      ]);
      const [row] = await store.outbox.listParked({ limit: 10 });
      expect(Math.abs(Date.parse(String(row?.parkedAt)) - Date.now())).toBeLessThan(60_000);
      expect(ids(await store.outbox.listParked({ limit: 10, after: first }))).toEqual([third.id]);
      expect(await store.outbox.depth()).toMatchObject({ pending: 2, parked: 1, held: 1 });
    });

    test('a row that is gone cannot be parked, and its alert is not appended', async () => {
      await store.append([stateEvent()]);
      const [row] = (await readAll()) as [OutboxRecord];
      await store.outbox.remove([row]);
      expect(await store.outbox.park(row, 'too large', alertEvent())).toBe(false);
      expect(await readAll()).toEqual([]);
      expect(await store.outbox.listParked({ limit: 10 })).toEqual([]);
    });

    test('events of no resource are parked one by one', async () => {
      const [one, two] = [alertEvent(), alertEvent()];
      await store.append([one, two]);
      const [first, second] = (await readAll()) as [OutboxRecord, OutboxRecord];
      await store.outbox.park(first, 'not permitted', null);
      expect(await store.outbox.parkedResources('')).toEqual(new Set([one.id]));
      expect(await store.outbox.hold([second])).toEqual([]);
    });

    test('a retry puts the row and those behind it back; a drop only those behind it', async () => {
      const uuid = v4();
      await store.append([stateEvent(uuid, 1), stateEvent(uuid, 2), stateEvent(uuid, 3)]);
      const rows = (await readAll()) as [OutboxRecord, OutboxRecord, OutboxRecord];
      const [first, second] = rows;
      const parkAndHold = async () => {
        await store.outbox.park(first, 'too large', null);
        await store.outbox.hold(rows.slice(1));
        expect(await readAll()).toEqual([]);
      };
      await parkAndHold();
      expect(await store.outbox.retry(second)).toBe(false);
      expect(await store.outbox.retry({ position: 0, bus: '' })).toBe(false);
      expect(await store.outbox.retry(first)).toBe(true);
      expect(await readAll()).toEqual(rows);
      expect(await store.outbox.retry(first)).toBe(false);
      await parkAndHold();
      expect(await store.outbox.drop(second)).toBe(false);
      expect(await store.outbox.drop(first)).toBe(true);
      expect(await readAll()).toEqual(rows.slice(1));
      expect(ids(await store.journal.read({ uuid, limit: 10 }))).toContain(first.id);
    });

    test('parked rows follow when buses are added, so that none is overtaken', async () => {
      const uuid = v4();
      await store.append([stateEvent(uuid, 1), stateEvent(uuid, 2)]);
      const [first, second] = (await readAll()) as [OutboxRecord, OutboxRecord];
      await store.outbox.park(first, 'too large', null);
      expect(await store.outbox.waitsFor('one')).toBe(false);
      await store.outbox.fanOut({ partitions: 'all', buses: ['one', 'two'], limit: 10 });
      expect(await store.outbox.waitsFor('one')).toBe(true);
      expect(await store.outbox.parkedResources('')).toEqual(new Set());
      for (const bus of ['one', 'two']) {
        expect(await store.outbox.parkedResources(bus)).toEqual(new Set([uuid]));
        const behind = { position: second.position, bus };
        expect(await store.outbox.hold([behind])).toEqual([behind]);
      }
    });

    test('the age is that of the oldest pending row', async () => {
      expect(await store.outbox.depth()).toEqual({
        pending: 0,
        parked: 0,
        held: 0,
        oldestAge: 0,
        buses: [],
      });
      await store.append([stateEvent(v4(), 1, new Date(Date.now() - 90_000)), stateEvent()]);
      const { oldestAge, pending } = await store.outbox.depth();
      expect(pending).toBe(2);
      expect(oldestAge).toBeGreaterThanOrEqual(90_000);
      expect(oldestAge).toBeLessThan(150_000);
    });

    test('a transaction under way shows none of its rows', async () => {
      let reading: Promise<readonly OutboxRecord[]> | undefined;
      const failed = dataSource.transaction(async (manager) => {
        await store.appendWithin(manager, [stateEvent()]);
        reading = readAll();
        // SQLite has one connection: there the read waits for the end of the transaction.
        if (kind !== 'sqlite') expect(await reading).toEqual([]);
        throw new Error('rolled back');
      });
      await expect(failed).rejects.toThrow('rolled back');
      expect(await reading).toEqual([]);
    });

    // SQLite has one writer: a long transaction holds up everybody, with or without Signalbox.
    test.skipIf(kind === 'sqlite')('a long transaction elsewhere holds nothing up', async () => {
      await store.append(Array.from({ length: 5 }, () => stateEvent()));
      const uuid = v4();
      const long = dataSource.createQueryRunner();
      await long.startTransaction();
      try {
        await store.appendWithin(long.manager, [stateEvent(uuid, 1)]);
        await store.append([stateEvent()]);
        const rows = await readAll();
        expect(rows).toHaveLength(6);
        await store.outbox.park(rows[0] as OutboxRecord, 'too large', alertEvent());
        await store.outbox.remove(rows.slice(1, 3));
        await store.outbox.remove(rows.slice(1, 3));
        expect(await store.outbox.fanOut({ partitions: 'all', buses: ['one'], limit: 10 })).toBe(4);
        await long.commitTransaction();
        expect((await readAll()).map((row) => row.uuid)).toEqual([uuid]);
      } finally {
        if (long.isTransactionActive) await long.rollbackTransaction();
        await long.release();
      }
    });
  });

  describe('leases', () => {
    const held = async () => {
      const rows = await dataSource.query<{ share: number; relay: string | null }[]>(
        'SELECT share, relay FROM signalbox_lease ORDER BY share',
      );
      return new Map(rows.map((row) => [Number(row.share), row.relay]));
    };

    test('a lone relay holds every partition', async () => {
      const { partitions, surplus } = await store.leases.acquire('a', 60_000);
      expect(partitions).toHaveLength(partitionCount);
      expect(surplus).toEqual([]);
    });

    test('a newcomer gets its even part as soon as the others give up their surplus', async () => {
      await store.leases.acquire('a', 60_000);
      expect(await store.leases.acquire('b', 60_000)).toEqual({ partitions: [], surplus: [] });
      const grant = await store.leases.acquire('a', 60_000);
      expect(grant.surplus).toHaveLength(partitionCount / 2);
      await store.leases.release('a', grant.surplus);
      await store.leases.release('a', grant.surplus);
      const { partitions } = await store.leases.acquire('b', 60_000);
      expect(partitions).toEqual(grant.surplus);
      expect((await store.leases.acquire('a', 60_000)).surplus).toEqual([]);
      const [kept] = partitions;
      await store.leases.leave('b', [Number(kept)]);
      await store.leases.leave('b', [Number(kept)]);
      expect((await store.leases.acquire('a', 60_000)).partitions).toHaveLength(partitionCount - 1);
      await store.leases.leave('b', []);
      expect((await store.leases.acquire('a', 60_000)).partitions).toHaveLength(partitionCount);
    });

    test('three relays end with 22, 22 and 20 partitions', async () => {
      for (let round = 0; round < 4; round += 1) {
        for (const relay of ['a', 'b', 'c']) {
          const { surplus } = await store.leases.acquire(relay, 60_000);
          await store.leases.release(relay, surplus);
        }
      }
      const owners = [...(await held()).values()];
      const parts = ['a', 'b', 'c'].map(
        (relay) => owners.filter((owner) => owner === relay).length,
      );
      expect(parts.toSorted((one, other) => one - other)).toEqual([20, 22, 22]);
    });

    test('the partitions of a dead relay are taken when its lease has run out, and not before', async () => {
      await store.leases.acquire('dead', 700);
      expect((await store.leases.acquire('b', 60_000)).partitions).toEqual([]);
      await eventually(async () => {
        expect((await store.leases.acquire('b', 60_000)).partitions).toHaveLength(partitionCount);
      });
      // Back from the dead: it is told that nothing is its own any more.
      expect((await store.leases.acquire('dead', 60_000)).partitions).toEqual([]);
    });

    test('concurrent relays never hold the same partition', async () => {
      const relays = ['a', 'b', 'c', 'd', 'e'];
      const holding = new Map<string, ReadonlySet<number>>();
      const turn = async (relay: string) => {
        for (let round = 0; round < 8; round += 1) {
          const { partitions, surplus } = await store.leases.acquire(relay, 60_000);
          holding.set(relay, new Set(partitions));
          for (const [other, theirs] of holding) {
            if (other !== relay)
              expect(partitions.filter((partition) => theirs.has(partition))).toEqual([]);
          }
          const kept = partitions.filter((partition) => !surplus.includes(partition));
          holding.set(relay, new Set(kept));
          await store.leases.release(relay, surplus);
        }
      };
      await Promise.all(relays.map(turn));
      const owners = [...(await held()).values()];
      expect(owners.filter((owner) => owner !== null).length).toBeGreaterThan(partitionCount / 2);
    });
  });

  describe('deadlines', () => {
    const uuid = v4();

    const arm = async (resource: string, deadline: string, delay: number, revision = 3) => {
      const due = {
        postgres: `clock_timestamp() + ${delay} * interval '1 millisecond'`,
        mariadb: `UTC_TIMESTAMP(3) + INTERVAL ${delay * 1000} MICROSECOND`,
        sqlite: String(Date.now() + delay),
      }[kind];
      await dataSource.query(
        `INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, due_at)
          VALUES ('${resource}', '${uuid}', '${deadline}', ${revision}, ${due})`,
      );
    };

    const resources = ['Volume'];

    test('what is due comes oldest first, of known resource types only', async () => {
      await arm('Volume', 'Creating/20', -1000);
      await arm('Volume', 'Creating/10', -2000, 7);
      await arm('Volume', 'Creating/30', 60_000);
      await arm('Foreign', 'Waiting/1', -9000);
      const due = await store.deadlines.due({ resources, limit: 10 });
      expect(due).toEqual([
        { resource: 'Volume', uuid, deadline: 'Creating/10', revision: 7 },
        { resource: 'Volume', uuid, deadline: 'Creating/20', revision: 3 },
      ]);
      expect(await store.deadlines.due({ resources, limit: 1, skip: 1 })).toEqual([due[1]]);
      expect(await store.deadlines.due({ resources: [], limit: 10 })).toEqual([]);
    });

    test('the next deadline is told in milliseconds', async () => {
      expect(await store.deadlines.nextDue(resources)).toBe(null);
      await arm('Foreign', 'Waiting/1', -9000);
      expect(await store.deadlines.nextDue(resources)).toBe(null);
      await arm('Volume', 'Creating/30', 60_000);
      const delay = (await store.deadlines.nextDue(resources)) ?? Number.NaN;
      expect(delay).toBeGreaterThan(30_000);
      expect(delay).toBeLessThanOrEqual(60_000);
      await arm('Volume', 'Creating/10', -1000);
      expect(await store.deadlines.nextDue(resources)).toBe(0);
      expect(await store.deadlines.nextDue([])).toBe(null);
    });

    test('several sweepers fire a deadline once', async () => {
      await arm('Volume', 'Creating/10', -1000);
      const [due] = await store.deadlines.due({ resources, limit: 10 });
      const alerts = [alertEvent(), alertEvent(), alertEvent()];
      const fire = (alert: (typeof alerts)[number]): Promise<boolean> =>
        dataSource.transaction(async (manager) => {
          const removed = await store.deadlines.removeWithin(manager, due as DueDeadline);
          if (removed) await store.appendWithin(manager, [alert]);
          return removed;
        });
      // SQLite has one connection, whose transactions take turns.
      const fired: boolean[] = [];
      if (kind === 'sqlite') for (const alert of alerts) fired.push(await fire(alert));
      else fired.push(...(await Promise.all(alerts.map(fire))));
      expect(fired.filter(Boolean)).toHaveLength(1);
      expect(ids(await readAll())).toEqual([alerts[fired.indexOf(true)]?.id]);
    });

    test('a deadline armed again is not fired by its former revision', async () => {
      await arm('Volume', 'Creating/10', -1000, 4);
      const due = { resource: 'Volume', uuid, deadline: 'Creating/10', revision: 3 };
      const remove = (revision: number) =>
        dataSource.transaction((manager) =>
          store.deadlines.removeWithin(manager, { ...due, revision }),
        );
      expect(await remove(3)).toBe(false);
      expect(await remove(4)).toBe(true);
    });

    test('a deadline without its resource is told once, and waits', async () => {
      await arm('Volume', 'Creating/10', -1000);
      const [due] = await store.deadlines.due({ resources, limit: 10 });
      const postpone = () =>
        dataSource.transaction((manager) =>
          store.deadlines.postponeWithin(manager, due as DueDeadline, 60_000),
        );
      expect(await store.deadlines.list({ limit: 10, missing: true })).toEqual([]);
      expect(await postpone()).toBe(true);
      expect(await postpone()).toBe(false);
      expect(await store.deadlines.due({ resources, limit: 10 })).toEqual([]);
      expect(await store.deadlines.list({ limit: 10, missing: true })).toMatchObject([
        { ...due, version: null, missing: true },
      ]);
      expect(await store.deadlines.list({ limit: 10, uuid: v4() })).toEqual([]);
      expect(await store.deadlines.list({ limit: 10, resource: 'Foreign' })).toEqual([]);
      await dataSource.query('DELETE FROM signalbox_deadline');
      expect(await postpone()).toBe(undefined);
    });

    test('armed deadlines are listed page by page, by their key', async () => {
      for (const deadline of ['A/1', 'B/2', 'C/3']) await arm('Volume', deadline, 60_000);
      const first = await store.deadlines.list({ limit: 2 });
      expect(first.map(({ deadline }) => deadline)).toEqual(['A/1', 'B/2']);
      const after = first.at(-1) as DueDeadline;
      const rest = await store.deadlines.list({ limit: 2, after });
      expect(rest.map(({ deadline }) => deadline)).toEqual(['C/3']);
    });
  });

  describe('journal', () => {
    test('events are found by resource, category and position', async () => {
      const uuid = v4();
      const entries = [stateEvent(uuid, 1), alertEvent(), stateEvent(), stateEvent(uuid, 2)];
      await store.append(entries);
      const all = await store.journal.read({ limit: 10 });
      expect(all).toEqual(entries.map((entry) => ({ ...entry, position: expect.any(Number) })));
      expect(ids(await store.journal.read({ uuid, limit: 10 }))).toEqual([
        entries[0]?.id,
        entries[3]?.id,
      ]);
      expect(ids(await store.journal.read({ category: 'AlertEvent', limit: 10 }))).toEqual([
        entries[1]?.id,
      ]);
      const after = all[1]?.position ?? 0;
      const resource = 'VirtualMachine';
      expect(ids(await store.journal.read({ resource, after, limit: 1 }))).toEqual([
        entries[2]?.id,
      ]);
    });

    test('a purge spares what is young, pending or parked', async () => {
      const old = (revision: number) => stateEvent(v4(), revision, new Date('2020-01-01'));
      await store.append([old(1), old(2), old(3), old(4), stateEvent()]);
      const [, pending, parked] = (await readAll()) as [OutboxRecord, OutboxRecord, OutboxRecord];
      await store.outbox.park(parked, 'too large', null);
      await store.outbox.remove((await readAll()).filter((row) => row.id !== pending.id));
      const purge = { before: '2021-01-01T00:00:00.000Z', limit: 1 };
      expect(await store.journal.purge(purge)).toBe(1);
      expect(await store.journal.purge({ ...purge, limit: 10 })).toBe(1);
      expect(await store.journal.purge({ ...purge, limit: 10 })).toBe(0);
      const left = await store.journal.read({ limit: 10 });
      expect(left.map((row) => row.revision)).toEqual([2, 3, 1]);
      // The highest that went lies beyond two that stayed: a reader that comes back must be told.
      const { last, purged } = await store.journal.extent();
      expect(last).toBe(left.at(-1)?.position);
      expect(purged).toBe((left.at(-1)?.position ?? 0) - 1);
    });

    test('a journal without events reaches nowhere', async () => {
      expect(await store.journal.read({ limit: 10, since: '2020-01-01T00:00:00Z' })).toEqual([]);
      expect(await store.journal.firstSince('2020-01-01T00:00:00Z')).toBeNull();
      expect(await store.journal.tail(5)).toEqual([]);
      const { last, purged } = await store.journal.extent();
      expect(last).toBe(0);
      expect(purged).toBeGreaterThanOrEqual(0);
    });

    test('events are found by time, by several values and up to a position', async () => {
      const at = (revision: number, day: string) => stateEvent(v4(), revision, new Date(day));
      // A clock that was set back: positions and times disagree.
      const [a, b, c, d] = [
        at(1, '2020-01-01'),
        at(2, '2020-01-04'),
        at(3, '2020-01-02'),
        at(4, '2020-01-03'),
      ];
      await store.append([a, b, c, d]);
      const all = await store.journal.read({ limit: 10 });
      const revisions = async (query: object) =>
        (await store.journal.read({ limit: 10, ...query })).map(({ revision }) => revision);
      expect(await revisions({ since: '2020-01-03T00:00:00Z' })).toEqual([2, 4]);
      expect(await revisions({ until: '2020-01-03T00:00:00.000Z' })).toEqual([1, 3]);
      expect(await revisions({ uuid: [a.uuid, d.uuid] })).toEqual([1, 4]);
      expect(await revisions({ category: ['AlertEvent', 'UsageEvent'] })).toEqual([]);
      expect(await revisions({ resource: ['VirtualMachine'], upTo: all[1]?.position })).toEqual([
        1, 2,
      ]);
      expect(await store.journal.firstSince('2020-01-02T12:00:00Z')).toBe(all[1]?.position);
      expect(await store.journal.tail(2)).toEqual(
        all.slice(2).map(({ position, time }) => ({ position, time })),
      );
    });
  });
});
