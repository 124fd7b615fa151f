import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPlainPeer, osloProperties, type PlainPeer } from '../delivery/amqp/plain-peer.js';
import { numbers } from '../delivery/amqp/pool-place.js';
import { eventually } from '../support/eventually.js';
import { startNode, type ChildProcess } from '../support/run-node.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';
import type { MemberTask } from './support/pool-member.js';

interface Handled {
  readonly body: number;
  readonly redelivered: boolean;
  readonly pid: number;
}

const url = serviceUrl('rabbitmq');
let directory: string;
let own: string;
let nova: string;
let peer: PlainPeer;
let members: ChildProcess[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-pool-'));
  [own, nova] = [uniqueName('own'), uniqueName('nova')];
  members = [];
  peer = await openPlainPeer(url);
  await peer.channel.assertExchange(nova, 'topic', { durable: false });
});
afterEach(async () => {
  for (const member of members) await member[Symbol.asyncDispose]();
  for (const pool of ['workers', 'others']) {
    await peer.channel.deleteQueue(`${own}/pool/${pool}@${nova}`);
    await peer.channel.deleteQueue(`${own}/dead/${pool}@${nova}`);
  }
  for (const name of [own, `${own}/dead-letters`, nova]) await peer.channel.deleteExchange(name);
  await peer[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function startMember(pool: string, takes: number): Promise<ChildProcess> {
  const task: MemberTask = { url, own, pool, exchange: nova, file: join(directory, pool), takes };
  const program = resolve(import.meta.dirname, 'support/pool-member.ts');
  const member = startNode(program, [JSON.stringify(task)]);
  members.push(member);
  await member.line('joined');
  return member;
}

async function handledBy(pool: string): Promise<readonly Handled[]> {
  const text = await readFile(join(directory, pool), 'utf8').catch(() => '');
  // The last line may be half written.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Handled);
}

test('what a member killed by -9 had not acknowledged goes to the others, and nothing is lost', async () => {
  const [killed] = await Promise.all([
    startMember('workers', 20),
    startMember('workers', 20),
    startMember('workers', 20),
    startMember('others', 0),
  ]);
  await Promise.all(
    numbers(150).map((number) =>
      peer.publish(nova, 'notifications.info', String(number), osloProperties),
    ),
  );
  await eventually(async () => {
    const own = (await handledBy('workers')).filter(({ pid }) => pid === killed?.pid);
    expect(own.length).toBeGreaterThan(5);
  });
  killed?.kill('SIGKILL');
  const { signal } = (await killed?.exited) ?? {};
  expect(signal).toBe('SIGKILL');
  const handled = await eventually(
    async () => {
      const all = await handledBy('workers');
      expect(new Set(all.map(({ body }) => body)).size).toBe(150);
      return all;
    },
    { deadline: 60_000 },
  );
  expect(new Set(handled.map(({ pid }) => pid)).size).toBe(3);
  // What it held came to the others; only what it had handled and not acknowledged came twice.
  expect(handled.some(({ pid, redelivered }) => pid !== killed?.pid && redelivered)).toBe(true);
  const twice = handled.length - 150;
  expect(twice).toBeLessThanOrEqual(10);
  for (const { body } of handled.filter(
    (each, at) => handled.findIndex((one) => one.body === each.body) !== at,
  )) {
    expect(handled.find((each) => each.body === body)?.pid).toBe(killed?.pid);
  }
  await eventually(async () =>
    expect((await handledBy('others')).map(({ body }) => body)).toEqual(numbers(150)),
  );
}, 120_000);
