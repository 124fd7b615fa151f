import 'reflect-metadata';
import {
  createSignalbox,
  defineLifecycle,
  memoryBus,
  migrate,
  migrations,
  type RefusedError,
  ResourceEntity,
} from 'signalbox';
import { Column, DataSource, Entity } from 'typeorm';
import { setup } from 'xstate';

// 1. Declare the lifecycle.
const machine = setup({
  types: { events: {} as { type: 'StartRequested' | 'Started' | 'StopRequested' } },
}).createMachine({
  initial: 'Stopped',
  states: {
    Stopped: { on: { StartRequested: 'Starting' } },
    Starting: { on: { Started: 'Running' } },
    Running: { on: { StopRequested: 'Stopped' } },
  },
});
const lifecycle = defineLifecycle({ resource: 'Server', version: 1, machine });

// 2. Make it an entity. It inherits the columns uuid, state, revision and the owner's.
@Entity('server')
class Server extends ResourceEntity<typeof lifecycle> {
  static readonly lifecycle = lifecycle;
  @Column({ type: 'varchar' }) name!: string;
}

async function main() {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [Server],
    migrations: [...migrations],
    synchronize: true, // in production, write migrations for your own tables
  }).initialize();
  await migrate(dataSource);
  const signalbox = await createSignalbox({
    dataSource,
    source: 'quick-start',
    resources: [Server],
    bus: memoryBus(),
  });

  // 3. Subscribe.
  await signalbox.subscribe({ category: 'ResourceStateEvent', resource: Server }, (event) => {
    console.log(`${event.type}: ${event.data.old} -> ${event.data.new}`);
  });

  // 4. Drive it. What the lifecycle does not allow is refused, and nothing is written.
  const { uuid } = await signalbox.create(Server, { name: 'web-1' });
  await signalbox.transition(Server, uuid, 'StartRequested', { actor: 'alice' });
  await signalbox.transition(Server, uuid, 'Started');
  await signalbox.transition(Server, uuid, 'StartRequested').catch((error: RefusedError) => {
    console.log(`refused: ${error.code}`);
  });

  // 5. Stop: first Signalbox, which publishes what is committed, then the database.
  await signalbox.close();
  await dataSource.destroy();
}

void main();
