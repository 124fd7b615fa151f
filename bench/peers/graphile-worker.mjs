/** A job for each event, added by the documented SQL function; settings for throughput. */
export async function graphileWorker({ graphileWorker: { run, Logger } }, { url, handle }) {
  const runner = await run({
    connectionString: url,
    concurrency: 50,
    maxPoolSize: 10,
    logger: new Logger(() => () => {}),
    noHandleSignals: true,
    taskList: { announce: async (event) => handle(event) },
    preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0 } },
  });
  return {
    name: 'graphile-worker 0.17.3',
    enqueue: (client, { payload }) =>
      client.query({
        name: 'add_job',
        text: `SELECT graphile_worker.add_job('announce', $1::json)`,
        values: [payload],
      }),
    close: () => runner.stop(),
  };
}
