/** A job for each event, sent in the caller's transaction; fetched by thousands as often as it can. */
export async function pgBoss({ PgBoss }, { url, handle }) {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue('events');
  await boss.work('events', { batchSize: 1_000, pollingIntervalSeconds: 0.5 }, async (jobs) => {
    jobs.forEach(({ data }) => handle(data));
  });
  return {
    name: 'pg-boss 10.4.2',
    enqueue: (client, { payload }) =>
      boss.send('events', JSON.parse(payload), {
        db: { executeSql: (text, values) => client.query(text, values) },
      }),
    close: () => boss.stop({ graceful: false }),
  };
}
