import { execFile } from 'node:child_process';

interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  /** Milliseconds. Default 120,000. */
  readonly timeout?: number;
}

/** Runs a command to its end and returns what it printed. Rejects with the end of its output. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { cwd, env, uid, gid, timeout = 120_000 }: Options = {},
): Promise<string> {
  return new Promise((done, failed) => {
    execFile(
      command,
      args,
      { cwd, env: { ...process.env, ...env }, uid, gid, timeout, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) return done(stdout);
        const tail = `${stdout}${stderr}`.trim().split('\n').slice(-15).join('\n');
        failed(new Error(`${command} failed: ${tail === '' ? error.message : tail}`));
      },
    );
  });
}
