import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.js';

/**
 * Installs a project of its own from its lock, unless that lock is installed already. Rejects with the
 * end of what npm said.
 *
 * @param folder Holds `package.json` and `package-lock.json`.
 */
export async function provideNpmPeers(folder: string): Promise<void> {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  const installed = join(folder, 'node_modules/.installed-lock.json');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lock) return;
  // Parsers and test runners need nothing built, and nothing of theirs should run before a test does.
  await runCommand('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    timeout: 600_000,
  });
  writeFileSync(installed, lock);
}
