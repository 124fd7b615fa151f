import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface RunOptions {
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** How a child process ended. */
export interface ExitReport {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A child process under way. Disposing it kills it and waits until it is gone. */
export interface ChildProcess extends AsyncDisposable {
  readonly pid: number;
  /**
   * Resolves with the first line of the standard output, or of the standard error, that matches, also one
   * that came before the call. Rejects with all output when the process ends first or after `deadline`
   * (default 30,000 ms).
   */
  line(
    pattern: RegExp | string,
    options?: { readonly deadline?: number; readonly from?: 'stdout' | 'stderr' },
  ): Promise<string>;
  kill(signal?: NodeJS.Signals): void;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<ExitReport>;
}

const loader = resolve(import.meta.dirname, 'typescript-loader.mjs');

/** Starts a TypeScript or JavaScript file in its own process, to be killed at a chosen moment. */
export function startNode(
  file: string,
  args: readonly string[] = [],
  { env = {}, cwd }: RunOptions = {},
): ChildProcess {
  const flags = file.endsWith('.ts') ? ['--import', loader] : [];
  const child = spawn(process.execPath, [...flags, file, ...args], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines = { stdout: [] as string[], stderr: [] as string[] };
  const waiting = new Set<() => void>();
  const wake = () => waiting.forEach((check) => check());
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  for (const from of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[from] }).on('line', (text) => {
      lines[from].push(text);
      wake();
    });
  }
  let report: ExitReport | undefined;
  const exited = new Promise<ExitReport>((done) => {
    const finish = (code: number | null, signal: NodeJS.Signals | null) => {
      report ??= { code, signal, stdout, stderr };
      done(report);
      wake();
    };
    child.once('close', finish);
    child.once('error', (error) => {
      stderr += error.message;
      finish(null, null);
    });
  });

  return {
    pid: child.pid ?? -1,
    exited,
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    line: (pattern, { deadline = 30_000, from = 'stdout' } = {}) =>
      new Promise((found, failed) => {
        const fail = (why: string) =>
          failed(new Error(`${file} ${why} ${String(pattern)}\n${stdout}${stderr}`));
        const settle = (action: () => void) => {
          clearTimeout(timer);
          waiting.delete(check);
          action();
        };
        const check = () => {
          const line = lines[from].find((text) =>
            typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text),
          );
          if (line !== undefined) settle(() => found(line));
          else if (report !== undefined) settle(() => fail('ended without printing'));
        };
        const timer = setTimeout(() => settle(() => fail('has not printed')), deadline);
        waiting.add(check);
        check();
      }),
    async [Symbol.asyncDispose]() {
      if (report === undefined) child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Runs a file to its end. Never rejects: look at `code`. */
export async function runNode(
  file: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<ExitReport> {
  return startNode(file, args, options).exited;
}
