import { rm } from 'node:fs/promises';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import { eventually } from '../support/eventually.js';
import {
  mountSmall,
  type PrivatePostgres,
  startPrivatePostgres,
} from '../support/private-postgres.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';
import { onRabbitmq } from './support/fault-buses.js';
import { long, seed } from './support/fault-length.js';
import { FaultWorld } from './support/fault-world.js';

// Mounting takes root, and a system that permits it: where it does not, nothing is proven and said so.
const small = long ? await mountSmall(72) : undefined;
if (long && small === undefined)
  console.log('no filesystem can be mounted here: a full disk is not tried');

/** Takes all the room that is left, down to the last byte. */
function fill(file: string): void {
  const descriptor = openSync(file, 'w');
  for (const size of [1024 * 1024, 4096, 1]) {
    const chunk = Buffer.alloc(size);
    try {
      while (writeSync(descriptor, chunk) === size);
    } catch {
      // No room for one more of this size.
    }
  }
  closeSync(descriptor);
}

describe.runIf(small !== undefined)(`PostgreSQL on a small filesystem (seed ${seed})`, () => {
  const exchange = uniqueName('full');
  const directory = small?.directory ?? '';
  let postgres: PrivatePostgres;
  let world: FaultWorld;

  beforeAll(async () => {
    postgres = await startPrivatePostgres({ directory });
    await postgres.query('CREATE DATABASE faults');
    world = await FaultWorld.open({
      seed,
      database: postgres.url('faults'),
      bus: onRabbitmq([serviceUrl('rabbitmq')], exchange),
    });
  }, 240_000);
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await postgres?.dispose();
    await small?.unmount();
    await removeTopology(serviceUrl('rabbitmq'), exchange, ['all']);
  }, 120_000);

  test('a disk that is full loses nothing of what was committed, and work goes on when there is room', async () => {
    world.work.start(8, 4);
    await world.changes(100);
    const ballast = join(directory, 'ballast');
    fill(ballast);
    // Who writes is refused, or the server gives up altogether.
    await eventually(
      () => {
        fill(`${ballast}-2`);
        expect(world.work.unknown > 0 || !postgres.running()).toBe(true);
      },
      { deadline: 90_000, every: 200 },
    );
    await delay(1000);
    await rm(`${ballast}-2`, { force: true });
    await rm(ballast);
    if (!postgres.running()) await postgres.start();
    await world.changes(200);
    await world.settle('the disk was full');
  }, 240_000);
});
