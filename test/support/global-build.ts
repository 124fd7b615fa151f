import { resolve } from 'node:path';
import { runCommand } from '../../scripts/servers/run-command.js';

/** Builds `dist/` once, so that child processes run what users run. */
export default async function setup(): Promise<void> {
  await runCommand('npm', ['run', '--silent', 'build'], {
    cwd: resolve(import.meta.dirname, '../..'),
  });
}
