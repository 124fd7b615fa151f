import pg from 'pg';
import { plainFigure } from '../figure.mjs';
import { compare, looped } from '../measure.mjs';

/**
 * What a round trip to PostgreSQL and a commit take on this machine, in medians: what sharing them can
 * save is decided by that, so that ratios of different machines are understood beside it.
 */
export async function serverTimes(url, options) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('CREATE TABLE server_times (number integer)');
    const [trip, commit] = await compare(
      [
        looped('a round trip', 1, () => client.query('SELECT 1')),
        looped('a commit of one row', 1, () => client.query('INSERT INTO server_times VALUES (1)')),
      ],
      { ...options, seconds: Math.min(0.5, options.seconds), log: () => {} },
    );
    return [trip, commit].map(({ name, samples }) =>
      plainFigure({
        name: `this machine’s PostgreSQL, one connection: ${name}`,
        value: samples.map(({ p50 }) => p50 * 1_000),
        unit: 'µs',
      }),
    );
  } finally {
    await client.end();
  }
}
