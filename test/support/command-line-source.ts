import { vi } from 'vitest';
import { run } from '../../src/cli/run.js';

/** Runs a command of the sources in this process; resolves with its exit code and all that it printed. */
export async function commandLine(...args: readonly string[]): Promise<string> {
  let printed = '';
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    }),
  );
  try {
    return `${await run(args)} ${printed}`;
  } finally {
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}
