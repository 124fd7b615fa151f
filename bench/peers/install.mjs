import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const folder = fileURLToPath(new URL('.', import.meta.url));

/**
 * Loads the peers, which are no dependencies of the project: they are installed here, by their own lock,
 * the first time they are measured.
 */
export async function loadPeers(log) {
  if (!existsSync(`${folder}node_modules`)) {
    log('  installing the peers');
    const options = { cwd: folder };
    await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], options);
  }
  const load = createRequire(`${folder}package.json`);
  return {
    graphileWorker: load('graphile-worker'),
    PgBoss: load('pg-boss'),
    transactionalOutbox: load('pg-transactional-outbox'),
  };
}
