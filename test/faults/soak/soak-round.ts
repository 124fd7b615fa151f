import { setTimeout as delay } from 'node:timers/promises';
import type { PrivatePostgres } from '../../support/private-postgres.js';
import type { PrivateRabbitmq } from '../../support/private-rabbitmq.js';
import type { TcpProxy } from '../../support/tcp-proxy.js';
import { brokerFaults } from '../support/broker-faults.js';
import { databaseFaults } from '../support/database-faults.js';
import type { FaultWorld } from '../support/fault-world.js';

/** Faults of one round; each strikes, is endured, and is mended before the next. */
const strikes = 4;

/** Milliseconds that a fault lasts, at the most. */
const longest = 5000;

/**
 * Load with faults, one after another or two at once, and then the check: rejects when anything was lost.
 * Resolves with the names of what struck.
 */
export async function soakRound(place: {
  readonly world: FaultWorld;
  readonly postgres: PrivatePostgres;
  readonly database: string;
  readonly broker: PrivateRabbitmq;
  readonly line: TcpProxy;
}): Promise<readonly string[]> {
  const { world, postgres, database, broker, line } = place;
  const { random, work } = world;
  const ofBroker = brokerFaults(broker, line);
  const ofDatabase = databaseFaults(postgres, database, () => world);
  const names: string[] = [];
  work.start(8, 4);
  for (let index = 0; index < strikes; index += 1) {
    const struck = random.pick([
      [random.pick(ofBroker)],
      [random.pick(ofDatabase)],
      [random.pick(ofBroker), random.pick(ofDatabase)],
    ]);
    names.push(struck.map(({ name }) => name).join(' while '));
    await world.changes(100);
    await Promise.all(struck.map((fault) => fault.strike()));
    await delay(500 + random.whole(longest));
    for (const fault of struck) await fault.mend?.();
  }
  await world.changes(100);
  await world.settle(names.join(', '));
  return names;
}
