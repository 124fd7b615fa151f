import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rabbitmq, type RabbitmqBus } from '../../src/delivery/amqp/index.js';
import type { BusSubscription, Delivery } from '../../src/delivery/bus/bus.js';
import { DeadLetterError } from '../../src/delivery/bus/dead-letter-error.js';
import { memberName } from '../../src/delivery/bus/member-name.js';
import { message, until } from '../../src/testing/bus-conformance/recorder.js';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import { runSignalbox } from '../support/command-line.js';
import { eventually } from '../support/eventually.js';
import type { ExitReport } from '../support/run-node.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';

const url = serviceUrl('rabbitmq');
const env = {
  SIGNALBOX_DATABASE: undefined,
  SIGNALBOX_BUS: undefined,
  SIGNALBOX_SOURCE: undefined,
};
let directory: string;
let exchange: string;
let bus: RabbitmqBus;
let member: BusSubscription;
let handled: string[];
let broken: boolean;

const run = (...args: string[]): Promise<ExitReport> =>
  runSignalbox(['dead-letters', ...args], { cwd: directory, env });

/** Two uuids that no volume has, and one usage that nobody pays for. */
const volumes = ['0a7ea29e-691b-11e2-bafa-2c3ba27d8c47', '9d827485-0f46-4db8-bd39-fede97cbac0c'];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-cli-'));
  exchange = uniqueName('dead');
  await writeFile(
    join(directory, 'signalbox.config.json'),
    JSON.stringify({ bus: { url, exchange } }),
  );
  handled = [];
  broken = true;
  bus = rabbitmq({ url, exchange });
  const handle = ({ id, key }: Delivery): void => {
    if (!broken) {
      handled.push(id);
    } else if (key === 'usage') {
      throw new DeadLetterError('nobody\u001b[2J to bill');
    } else {
      throw Object.assign(new Error(`no volume ${id}`), { code: 'ENOENT' });
    }
  };
  member = await bus.subscribe(['#'], handle, { pool: 'billing', retry: { attempts: 1 } });
  for (const id of volumes) {
    await bus.publish(message('volume', { id, partitionKey: id, headers: { a: 1 } }));
  }
  await bus.publish(message('usage', { id: 'u-1', body: Uint8Array.of(0xff) }));
  await until(
    async () => (await bus.deadLetters?.read('billing'))?.length === 3,
    'all are dead-lettered',
  );
});
afterEach(async () => {
  await bus.close();
  await removeTopology(url, exchange, ['billing']);
  await rm(directory, { recursive: true, force: true });
});

const pattern = 'failed after * try: no volume *';

describe('signalbox dead-letters', () => {
  it('lists them grouped by reason, shows them, and takes none away', async () => {
    const { code, stdout } = await run('list', 'billing', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      pool: 'billing',
      count: 3,
      more: false,
      groups: [
        { reason: pattern, count: 2, sample: volumes[0] },
        { reason: expect.stringContaining('to bill') as string, count: 1, sample: 'u-1' },
      ],
    });
    const text = await run('list', 'billing', '--limit', '2');
    expect(text.stdout).toMatch(/^billing: 2 dead letters, the first 2 looked at.*\n +2 {2}failed/);
    const odd = await run('list', 'billing');
    expect(odd.stdout).toContain(String.raw`nobody\u001b[*J to bill`);

    const shown = await run('show', 'billing', '--id', String(volumes[1]));
    expect(shown.stdout).toMatch(/key {7}volume\n/);
    expect(shown.stdout).toContain(`resource  ${volumes[1]}`);
    expect(shown.stdout).toContain(`error     Error (ENOENT): no volume ${volumes[1]}`);
    expect(shown.stdout).toContain(`by        ${memberName}`);
    expect(shown.stdout).toContain(`exchange  ${exchange}`);
    const raw = await run('show', 'billing', '--reason', 'nobody*', '--json');
    expect(JSON.parse(raw.stdout)).toMatchObject({ message: { id: 'u-1', bodyBase64: '/w==' } });
    expect(await bus.deadLetters?.read('billing')).toHaveLength(3);
  }, 60_000);

  it('redrives a group by its reason and drops another, only when told which and told twice', async () => {
    const unsaid = await run('redrive', 'billing');
    expect(unsaid).toMatchObject({ code: 2, stderr: expect.stringContaining('--all') as string });
    const counted = await run('drop', 'billing', '--reason', 'nobody*');
    expect(counted.code).toBe(2);
    expect(counted.stderr).toMatch(/1 dead letter of billing.*--yes/);
    broken = false;
    const redriven = await run('redrive', 'billing', '--reason', pattern);
    expect(redriven).toMatchObject({ code: 0, stdout: '2 dead letters given to billing again\n' });
    await eventually(() => expect(handled).toEqual(volumes));
    const dropped = await run('drop', 'billing', '--all', '--yes');
    expect(dropped).toMatchObject({ code: 0, stdout: '1 dead letter of billing dropped\n' });
    expect(await run('list', 'billing')).toMatchObject({
      code: 0,
      stdout: 'billing: 0 dead letters\n',
    });
    expect(handled).toEqual(volumes);
  }, 60_000);

  it('tells a pool that there never was from one without dead letters, and shows those of one removed', async () => {
    for (const how of [
      ['list', 'biling'],
      ['list', 'biling', '--json'],
      ['show', 'biling'],
      ['redrive', 'biling', '--all'],
      ['drop', 'biling', '--all', '--yes'],
    ]) {
      const { code, stdout, stderr } = await run(...how);
      expect({ code, stdout }, how.join(' ')).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/no pool "biling".*POOL_UNKNOWN/);
    }
    expect(await run('list', 'billing', '--reason', 'none like it')).toMatchObject({
      code: 0,
      stdout: 'billing: 0 dead letters\n',
    });
    await member.unsubscribe({ removePool: true });
    const outlived = await run('list', 'billing');
    expect(outlived).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^billing: 3 dead letters/) as string,
    });
    expect(await run('list', 'billing', '--reason', 'none like it')).toMatchObject({ code: 0 });
    expect((await run('redrive', 'billing', '--all')).stderr).toContain('POOL_UNKNOWN');
  }, 60_000);

  it('says what is wrong with its arguments, and where a broker is away', async () => {
    expect((await run('list')).code).toBe(2);
    const other = await run('list', 'billing', '--for-bus', 'elsewhere');
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('rabbitmq') as string });
    const away = await run('list', 'billing', '--bus', 'amqp://guest:S3CRET@127.0.0.1:1');
    expect(away.code).toBe(1);
    expect(away.stderr).toContain('BUS_UNAVAILABLE');
    expect(away.stdout + away.stderr).not.toContain('S3CRET');
  }, 60_000);
});
