import type { DataSource, EntityManager } from 'typeorm';

/** What a handler writes in its own transaction: the id of each event, in a table that takes any number. */
export async function noteHandled(
  manager: EntityManager,
  { id }: { readonly id: string },
): Promise<void> {
  await manager.query(`INSERT INTO crash_handled (event) VALUES ('${id}')`);
}

export async function createHandledTable(dataSource: DataSource): Promise<void> {
  await dataSource.query('CREATE TABLE crash_handled (event varchar(36) NOT NULL)');
}

/** The ids in the order of their values; one that took effect twice is there twice. */
export async function handledIds(dataSource: DataSource): Promise<readonly string[]> {
  const rows: { event: string }[] = await dataSource.query(
    'SELECT event FROM crash_handled ORDER BY event',
  );
  return rows.map(({ event }) => event);
}
