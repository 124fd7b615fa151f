import { resolve } from 'node:path';
import { runCommand } from '../../scripts/servers/run-command.js';

// Vitest loads this file once for each project that needs a build; they share one.
const shared = globalThis as { signalboxTestBuild?: Promise<unknown> };

/** Builds `dist/` once, so that child processes run what users run. */
export default async function setup(): Promise<void> {
  shared.signalboxTestBuild ??= runCommand('npm', ['run', '--silent', 'build'], {
    cwd: resolve(import.meta.dirname, '../..'),
  });
  await shared.signalboxTestBuild;
}
