import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import { type Cloud, firstDeliveries, idsByResource, openCloud } from '../e2e/support/cloud.js';
import { startSignalbox } from '../support/command-line.js';
import { eventually } from '../support/eventually.js';
import type { ChildProcess } from '../support/run-node.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';
import { startDriver } from './support/start-driver.js';

/** What a pool member writes down of an event it handled. */
interface Handled {
  readonly id: string;
  readonly partitionkey?: string;
  readonly revision?: number;
  readonly redelivered: boolean;
  readonly pid: number;
}

// The lease of a dead relay must run out before another takes over; that of a live one must not, however
// long it waits for a processor, or what it published is published again.
const leaseDuration = 5000;

/** Milliseconds that a process may take for its part, on a machine that has others to serve. */
const patience = { deadline: 90_000 };

describe.each(['postgres', 'mariadb'] as const)('two relays and two pool members on %s', (kind) => {
  let cloud: Cloud;
  let directory: string;
  let file: string;
  let exchange: string;
  const url = () => serviceUrl('rabbitmq');
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    cloud = await openCloud(kind);
    directory = await mkdtemp(join(tmpdir(), 'signalbox-pool-'));
    file = join(directory, 'handled');
    exchange = uniqueName('pool');
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await child[Symbol.asyncDispose]();
    await removeTopology(url(), exchange, ['workers']);
    await cloud[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  function keep(child: ChildProcess): ChildProcess {
    children.push(child);
    return child;
  }

  const bus = () => ({ url: url(), exchange });

  async function startRelay(name: string): Promise<ChildProcess> {
    const config = join(directory, `${name}.json`);
    await writeFile(
      config,
      JSON.stringify({ database: cloud.url, bus: bus(), relay: { leaseDuration } }),
    );
    return keep(startSignalbox(['relay', '--config', config]));
  }

  async function startMember(): Promise<ChildProcess> {
    const member = keep(startDriver({ task: 'member', bus: bus(), pool: 'workers', file }));
    await member.line('ready');
    return member;
  }

  async function handled(): Promise<readonly Handled[]> {
    const text = await readFile(file, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Handled);
  }

  async function everythingHandled(): Promise<readonly Handled[]> {
    const journal = (await cloud.journal()).map(({ event }) => event);
    await eventually(
      async () => {
        expect(new Set((await handled()).map(({ id }) => id)).size).toBe(journal.length);
      },
      { deadline: 60_000, every: 200 },
    );
    const all = await handled();
    // First deliveries tell what a consumer that compares ids sees: the journal, in order.
    expect(idsByResource(firstDeliveries(all) as never)).toEqual(idsByResource(journal));
    return all;
  }

  function repeated(all: readonly Handled[]): readonly Handled[] {
    const seen = new Set<string>();
    return all.filter(({ id }) => seen.has(id) || !seen.add(id));
  }

  async function relaysWithShares(): Promise<number> {
    const relays: unknown[] = await cloud.dataSource.query(
      'SELECT DISTINCT relay FROM signalbox_lease WHERE relay IS NOT NULL',
    );
    return relays.length;
  }

  test('nothing is handled twice while all live; killing one of each loses nothing', async () => {
    const [first, second] = [await startRelay('first'), await startRelay('second')];
    // The second gets its part when the first has given it up, which the load may be over before.
    await eventually(async () => expect(await relaysWithShares()).toBe(2), patience);
    const members = [await startMember(), await startMember()];
    const load = keep(startDriver({ task: 'load', database: cloud.url, resources: 16 }));
    await load.line('moved 6', patience);
    load.kill('SIGTERM');
    await load.line('ended');
    // Both relays did their part: each holds shares, and each event went to the pool once.
    expect(await relaysWithShares()).toBe(2);
    const calm = await everythingHandled();
    expect(repeated(calm)).toEqual([]);

    const again = keep(startDriver({ task: 'load', database: cloud.url, resources: 16 }));
    await again.line('moved 2', patience);
    // The member that handles is the one whose death matters.
    const active = (await handled()).at(-1)?.pid;
    const [dead, alive] = members[0]?.pid === active ? members : members.toReversed();
    dead?.kill('SIGKILL');
    await dead?.exited;
    await again.line('moved 6', patience);
    await eventually(async () => expect((await handled()).at(-1)?.pid).toBe(alive?.pid), patience);
    for (const twice of repeated(await handled())) expect(twice.redelivered).toBe(true);

    first.kill('SIGKILL');
    await first.exited;
    await again.line('moved 9', patience);
    again.kill('SIGTERM');
    await again.line('ended');
    await everythingHandled();
    // Nothing of it was parked, and the survivor ends as it should.
    const parked: unknown[] = await cloud.dataSource.query('SELECT * FROM signalbox_parked');
    expect(parked).toEqual([]);
    second.kill('SIGTERM');
    expect(await second.exited).toMatchObject({ code: 0 });
  }, 240_000);
});
