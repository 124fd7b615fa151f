import { cloudStackEventTypes } from '../../../machines/index.js';
import { createSignalbox, ResourceEntity, type Signalbox } from 'signalbox';
import type { Bus } from 'signalbox/bus';
import { virtualMachine } from 'signalbox/machines';
import { Column, DataSource, type DataSourceOptions, Entity } from 'typeorm';
import { Probe } from '../../e2e/support/probe.js';

/** The machine of the demo, as a user would map it. */
@Entity('demo_virtual_machine')
export class VirtualMachine extends ResourceEntity<typeof virtualMachine> {
  static readonly lifecycle = virtualMachine;

  @Column({ type: String, length: 64 })
  name!: string;
}

/** The test's database, from a process of its own. */
export async function connectDriver(database: string): Promise<DataSource> {
  const [, scheme, path = ''] = /^([a-z]+):(.*)$/.exec(database) ?? [];
  const server: DataSourceOptions =
    scheme === 'sqlite'
      ? { type: 'better-sqlite3', database: path, enableWAL: true }
      : scheme === 'postgres'
        ? { type: 'postgres', url: database, poolSize: 5 }
        : { type: 'mariadb', url: database.replace(/^[a-z]+/, 'mariadb'), poolSize: 5 };
  return new DataSource({ ...server, entities: [VirtualMachine, Probe] }).initialize();
}

/** Opens the built package in a process of its own, on a database that the test has prepared. */
export async function openForDriver(
  database: string,
  bus: Bus | undefined,
): Promise<{ readonly signalbox: Signalbox; readonly dataSource: DataSource }> {
  const dataSource = await connectDriver(database);
  const signalbox = await createSignalbox({
    dataSource,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: [VirtualMachine, Probe],
    deadlines: false,
    ...(bus === undefined ? { relay: false } : { bus, relay: { leaseDuration: 1000 } }),
  });
  return { signalbox, dataSource };
}
