import { scopeTransactions } from '../../src/persistence/commit/transaction-context.js';
import { onCommit } from '../../src/persistence/commit/wakes.js';
import {
  Column,
  DataSource,
  type DataSourceOptions,
  Entity,
  PrimaryGeneratedColumn,
} from 'typeorm';
import { bindResource, type ResourceBinding } from '../../src/persistence/resource/binding.js';
import type { Lifecycle } from '../../src/core/lifecycle/lifecycle.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { openStore, type OpenStore } from '../../src/persistence/open-store.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { mapResource } from '../../src/persistence/resource/resource.js';
import { LifecycleSubscriber } from '../../src/persistence/guard/subscriber.js';
import { freshDatabase, type TestDatabase } from '../support/databases.js';
import { pump } from './pump.js';

/** The pump lifecycle with births that announce and arm. */
export const tank = {
  ...pump,
  resource: 'Tank',
  initialStates: ['Idle', 'Starting'],
  table: {
    ...pump.table,
    creations: new Map([
      ['Idle', { lawful: true as const, state: 'Idle', effects: [], arms: [] }],
      [
        'Starting',
        {
          lawful: true as const,
          state: 'Starting',
          effects: [{ category: 'UsageEvent' as const, type: 'TANK.CREATE' }],
          arms: [...pump.table.deadlines.values()].filter(({ state }) => state === 'Starting'),
        },
      ],
    ]),
  },
} satisfies Lifecycle;

@Entity('tank')
export class Tank extends ResourceEntity {
  static readonly lifecycle = tank;
  static context({ level }: Tank): { level: number } {
    return { level };
  }

  @Column({ type: Number, default: 0 })
  level!: number;

  @Column({ type: String, length: 255, default: '' })
  label!: string;
}

/** An entity as somebody else made it: other names, other types, its own primary key. */
@Entity('legacy_server')
export class LegacyServer {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: String, length: 36, unique: true, name: 'external_id' })
  externalId!: string;

  @Column({ type: String, length: 40, name: 'srv_status' })
  status!: string;

  @Column({ type: 'bigint', name: 'srv_version' })
  version!: string | number;

  @Column({ type: Date, name: 'status_changed_at', precision: 3 })
  statusChangedAt!: Date;

  @Column({ type: String, length: 255, nullable: true })
  tenant!: string | null;

  @Column({ type: String, length: 255, default: '' })
  hostname!: string;
}

export const server = mapResource(
  LegacyServer,
  { ...pump, resource: 'Server' },
  {
    columns: {
      uuid: 'externalId',
      state: 'status',
      revision: 'version',
      stateSince: 'statusChangedAt',
      account: 'tenant',
    },
    context: () => ({ level: 0 }),
  },
);

/** One event as the journal has it. */
export interface Told {
  readonly type: string;
  readonly category: string;
  readonly revision: number;
  readonly data: Record<string, unknown>;
  readonly event: Record<string, unknown>;
}

export interface GuardedDatabase extends AsyncDisposable {
  readonly kind: TestDatabase;
  readonly dataSource: DataSource;
  readonly store: OpenStore;
  readonly subscriber: LifecycleSubscriber;
  readonly tanks: ResourceBinding;
  readonly servers: ResourceBinding;
  /** How often the relay was woken. */
  readonly wakes: { count: number };
  /** The journal of one resource, in order. */
  told(uuid: string): Promise<readonly Told[]>;
  /** Ids of armed deadlines. */
  armed(uuid: string): Promise<readonly string[]>;
  /** How many outbox rows there are. */
  pending(): Promise<number>;
  /** A tank as its row is now. */
  tank(uuid: string): Promise<Tank>;
  /** A fresh tank, saved and so announced. */
  newTank(columns?: Partial<Tank>): Promise<Tank>;
}

/** A database of its own with the subscriber at work, as `createSignalbox` sets it up. */
export async function guardedDatabase(
  kind: TestDatabase,
  options: (given: DataSourceOptions) => Partial<DataSourceOptions> = () => ({}),
): Promise<GuardedDatabase> {
  const database = await freshDatabase(kind);
  const dataSource = await new DataSource({
    ...database.options,
    ...options(database.options),
    entities: [Tank, LegacyServer],
    migrations: [...migrations],
  } as DataSourceOptions).initialize();
  await dataSource.synchronize();
  await dataSource.runMigrations();
  const store = openStore(dataSource);
  const tanks = bindResource(dataSource, Tank);
  const servers = bindResource(dataSource, server);
  const wakes = { count: 0 };
  let asked = 0;
  const subscriber = new LifecycleSubscriber({
    bindings: [tanks, servers],
    store,
    origin: (given = {}) => {
      asked += 1;
      const time = new Date(Date.UTC(2026, 0, 1) + asked).toISOString();
      return { source: 'management-server', time, ...given };
    },
  });
  subscriber.install(dataSource);
  onCommit(dataSource, () => {
    wakes.count += 1;
  });
  scopeTransactions(dataSource);

  return {
    kind,
    dataSource,
    store,
    subscriber,
    tanks,
    servers,
    wakes,
    async told(uuid) {
      const records = await store.journal.read({ uuid, limit: 1000 });
      return records.map(({ type, category, revision, payload }) => {
        const event = JSON.parse(payload) as Told['event'];
        return {
          type,
          category,
          revision: revision as number,
          data: event['data'] as Told['data'],
          event,
        };
      });
    },
    async armed(uuid) {
      const rows = await dataSource
        .createQueryBuilder()
        .select('deadline')
        .from('signalbox_deadline', 'd')
        .where('d.uuid = :uuid', { uuid })
        .getRawMany<{ deadline: string }>();
      return rows.map(({ deadline }) => deadline);
    },
    async pending() {
      const { pending } = await store.outbox.depth();
      return pending;
    },
    tank: (uuid) => dataSource.manager.findOneByOrFail(Tank, { uuid }),
    newTank: (columns = {}) => dataSource.manager.save(dataSource.manager.create(Tank, columns)),
    async [Symbol.asyncDispose]() {
      await dataSource.destroy();
      await database.dispose();
    },
  };
}
