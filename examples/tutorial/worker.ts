// #region worker
import { idempotent, RefusedError } from 'signalbox';
import { open } from './open.js';
import { Volume } from './volume.js';

const { signalbox, dataSource, close } = await open();

// Does the work of `Creating`, and reports how it ended.
await signalbox.subscribe(
  { resource: Volume, type: 'CreateRequested' },
  async ({ partitionkey: uuid }) => {
    console.log(`creating ${uuid}`);
    await signalbox
      .transition(Volume, uuid ?? '', 'OperationSucceeded', { actor: 'worker' })
      .catch((error: unknown) => {
        // A redelivery: the volume was created the first time.
        if (!(error instanceof RefusedError)) throw error;
      });
  },
  { pool: 'storage-workers', concurrency: 16 },
);
// #endregion

// #region billing
await dataSource.query(
  'CREATE TABLE IF NOT EXISTS invoice_item (account text, type text, resource uuid)',
);
await signalbox.subscribe(
  { category: 'UsageEvent' },
  idempotent(dataSource, async (manager, { account, type, partitionkey }) => {
    await manager.query('INSERT INTO invoice_item VALUES ($1, $2, $3)', [
      account ?? 'nobody',
      type,
      partitionkey,
    ]);
  }),
  { pool: 'billing', concurrency: 16 },
);
console.log('working');
process.once('SIGTERM', () => void close());
// #endregion
