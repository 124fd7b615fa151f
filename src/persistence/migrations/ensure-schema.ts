import type { DataSource, QueryRunner } from 'typeorm';

/**
 * Makes a schema of PostgreSQL that is not there. Looks first: `IF NOT EXISTS` asks for the right to make one
 * also where there is nothing to make. Rejects with the driver's error.
 */
export async function ensureSchema(
  queries: Pick<DataSource, 'query'> | Pick<QueryRunner, 'query'>,
  schema: string,
): Promise<void> {
  const found = (await queries.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [
    schema,
  ])) as readonly unknown[];
  if (found.length === 0) {
    await queries.query(`CREATE SCHEMA IF NOT EXISTS "${schema.replaceAll('"', '""')}"`);
  }
}
