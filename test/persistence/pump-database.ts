import { DataSource } from 'typeorm';
import { bindResource, type ResourceBinding } from '../../src/persistence/resource/binding.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import type { TransitionRequest } from '../../src/core/planning/transition-request.js';
import { freshDatabase } from '../support/databases.js';
import { Pump } from './pump-entity.js';

/** An empty PostgreSQL database with the signalbox tables and a table of pumps. */
export interface PumpDatabase extends AsyncDisposable {
  readonly dataSource: DataSource;
  readonly binding: ResourceBinding;
  readonly url: string;
  /** Inserts pumps at revision 1 without announcing them. */
  fill(uuids: readonly string[], columns?: Partial<Pump>): Promise<void>;
}

export async function pumpDatabase(): Promise<PumpDatabase> {
  const database = await freshDatabase('postgres');
  const dataSource = await new DataSource({
    ...database.options,
    entities: [Pump],
    migrations: [...migrations],
  }).initialize();
  await dataSource.runMigrations();
  await createPumpTable(dataSource);
  return {
    dataSource,
    binding: bindResource(dataSource, Pump),
    url: database.url,
    async fill(uuids, columns = {}) {
      const since = new Date('2026-01-01T00:00:00.000Z');
      const rows: object[] = uuids.map((uuid) => ({
        uuid,
        state: 'Idle',
        revision: 1,
        stateSince: since,
        lifecycleVersion: 1,
        level: 0,
        ...columns,
      }));
      // TypeORM's type of what can be inserted is too deep for a generic lifecycle.
      await dataSource.manager.insert(Pump, rows as never);
    },
    async [Symbol.asyncDispose]() {
      if (dataSource.isInitialized) await dataSource.destroy();
      await database.dispose();
    },
  };
}

async function createPumpTable(dataSource: DataSource): Promise<void> {
  await dataSource.query(`CREATE TABLE pump (
    uuid uuid PRIMARY KEY, state varchar(255) NOT NULL, revision integer NOT NULL,
    state_since varchar(24) NOT NULL, lifecycle_version integer NOT NULL,
    account varchar(255), domain varchar(255), project varchar(255), level integer NOT NULL)`);
}

let asked = 0;

/** A request as the facade makes it; each has a time of its own. */
export function request(
  uuid: string,
  event: string,
  fields: Partial<TransitionRequest> = {},
): TransitionRequest {
  asked += 1;
  const time = new Date(Date.UTC(2026, 5, 1) + asked).toISOString();
  return { uuid, event, origin: { source: 'management-server', time }, ...fields };
}
