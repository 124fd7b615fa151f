import { resolve } from 'node:path';
import { runCommand } from './run-command.js';
import type { ServiceName } from './service.js';

const cwd = resolve(import.meta.dirname, '../..');
const tenMinutes = 600_000;

/** True when a container engine answers and knows compose. */
export async function composeWorks(): Promise<boolean> {
  try {
    await runCommand('docker', ['info'], { timeout: 10_000 });
    await runCommand('docker', ['compose', 'version'], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/** Starts the named services of `compose.yaml` and waits until their health checks pass. */
export async function composeUp(missing: readonly ServiceName[]): Promise<void> {
  await runCommand('docker', ['compose', 'up', '--detach', '--wait', ...missing], {
    cwd,
    timeout: tenMinutes,
  });
}

/** Stops and removes the containers of `compose.yaml` with their data. */
export async function composeDown(): Promise<void> {
  await runCommand('docker', ['compose', 'down', '--volumes'], { cwd });
}
