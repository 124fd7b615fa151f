import { connect } from 'amqplib';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import type { ServiceName } from './service.js';

const timeout = 5_000;

const logins: Readonly<Record<ServiceName, (url: string) => Promise<string>>> = {
  async postgres(url) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: timeout });
    // A server that goes away later must fail the query, not the process.
    client.on('error', () => {});
    await client.connect();
    try {
      const { rows } = await client.query<{ version: string; creates: boolean }>(
        `SELECT current_setting('server_version') AS version, rolsuper OR rolcreatedb AS creates
           FROM pg_roles WHERE rolname = current_user`,
      );
      if (rows[0]?.creates !== true) throw new Error('the user may not create databases');
      return rows[0].version;
    } finally {
      await client.end();
    }
  },

  async mariadb(url) {
    const connection = await createConnection({ uri: url, connectTimeout: timeout });
    try {
      const [rows] = await connection.query('SELECT version() AS version');
      return (rows as { version: string }[])[0]?.version ?? 'unknown version';
    } finally {
      await connection.end();
    }
  },

  async rabbitmq(url) {
    const connection = await connect(url, { timeout });
    const version: unknown = connection.connection.serverProperties.version;
    await connection.close();
    return String(version);
  },
};

/** Logs in for real and returns the server's version. Rejects when it cannot be reached or refuses. */
export async function login(service: ServiceName, url: string): Promise<string> {
  return logins[service](url);
}
