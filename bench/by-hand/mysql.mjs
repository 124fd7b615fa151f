import mysql from 'mysql2/promise';
import { placesOf } from '../lamp.mjs';
import { eventOf } from './event.mjs';

/** The same as on PostgreSQL. */
export const byHandSchema = [
  `CREATE TABLE by_hand_lamp (
    id char(36) CHARACTER SET ascii PRIMARY KEY, state varchar(255) NOT NULL, version integer NOT NULL,
    state_since datetime(3) NOT NULL, account varchar(255), domain varchar(255), project varchar(255))`,
  `CREATE TABLE by_hand_outbox (
    id bigint AUTO_INCREMENT PRIMARY KEY, event_id char(36) CHARACTER SET ascii NOT NULL,
    \`key\` varchar(255) NOT NULL, payload text NOT NULL)`,
];

/** BEGIN; SELECT; UPDATE; INSERT; COMMIT with mysql2, prepared, on so many connections. */
export function transaction(url, uuids, { connections, callers }) {
  const pool = mysql.createPool({ uri: url, connectionLimit: connections });
  const place = placesOf(uuids, callers);
  return {
    async operation(caller) {
      const id = place(caller);
      const client = await pool.getConnection();
      try {
        await client.query('BEGIN');
        const [rows] = await client.execute(
          'SELECT state, version, account, domain, project FROM by_hand_lamp WHERE id = ?',
          [id],
        );
        const event = eventOf(id, rows[0]);
        const [{ affectedRows }] = await client.execute(
          `UPDATE by_hand_lamp SET state = ?, version = version + 1, state_since = now(3)
            WHERE id = ? AND state = ? AND version = ?`,
          [event.to, id, rows[0].state, rows[0].version],
        );
        if (affectedRows !== 1) throw new Error('lost the race');
        await client.execute(
          'INSERT INTO by_hand_outbox (event_id, `key`, payload) VALUES (?, ?, ?)',
          [event.eventId, event.key, event.payload],
        );
        await client.query('COMMIT');
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
}
