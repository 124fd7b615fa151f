import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { runCommand } from './run-command.js';

const guard = '/usr/sbin/policy-rc.d';
const tenMinutes = 600_000;
// Two test runs on one machine may install at the same time: the second waits for the first.
const wait = ['-o', 'DPkg::Lock::Timeout=300'];

/** True when packages can be installed: Debian or a child of it, and we are root. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version');
}

/** Installs packages without starting the system services that come with them. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const guarded = existsSync(guard);
  // Debian's own way to forbid the start of services; 101 means "not allowed".
  if (!guarded) writeFileSync(guard, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await runCommand('apt-get', [...wait, 'update', '-q'], { env, timeout: tenMinutes });
    await runCommand(
      'apt-get',
      [...wait, 'install', '-q', '-y', '--no-install-recommends', ...packages],
      { env, timeout: tenMinutes },
    );
  } finally {
    if (!guarded) rmSync(guard, { force: true });
  }
}
