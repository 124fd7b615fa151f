import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Failpoint } from '../../core/failpoints/failpoints.js';

/** A moment to kill a process at: when `point` comes for the first time since `after` came. */
export interface CrashMoment {
  /** The step that is not taken any more; `end` when the scenario has returned. */
  readonly point: Failpoint | 'end';
  /** The step before it, which was taken; null at the first. */
  readonly after: Failpoint | null;
}

/** Message that starts a child process. */
export interface CrashOrder {
  /** URL of the scenario's module. */
  readonly scenario: string;
  readonly place: unknown;
  readonly kill?: CrashMoment | undefined;
}

/** How a run of a scenario ended. */
export interface CrashRun {
  /** The points it came to, one after another. */
  readonly reached: readonly (Failpoint | 'end')[];
  /** True when it was killed at the moment it was told, and by that. */
  readonly killed: boolean;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Output of the process, both streams. */
  readonly output: string;
}

// The sources run in the project's own tests, the build everywhere else: the child is what is beside us.
const childPath = (): string => {
  const extension = /\.(ts|cjs)$/.exec(import.meta.url)?.[1];
  const beside = extension === 'cjs' ? '../crash-child.js' : `crash-child.${extension ?? 'js'}`;
  return new URL(beside, import.meta.url).pathname;
};

/** Runs a scenario in a process of its own to its end, its death, or `timeout` ms. Never rejects. */
export async function runCrash(
  order: CrashOrder,
  options: {
    readonly execArgv: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly timeout: number;
  },
): Promise<CrashRun> {
  const running = spawn(
    process.execPath,
    [...options.execArgv, childPath(), JSON.stringify(order)],
    { env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  );
  let output = '';
  let told = '';
  const [, stdout, stderr, reports] = running.stdio as unknown as [
    null,
    Readable,
    Readable,
    Readable,
  ];
  for (const stream of [stdout, stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  reports.on('data', (chunk: Buffer) => (told += chunk.toString()));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    running.kill('SIGKILL');
  }, options.timeout);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    running.once('close', (...ending) => resolve(ending));
    running.once('error', (error) => {
      output += error.message;
      resolve([null, null]);
    });
  });
  clearTimeout(timer);
  if (late) output += `\n(did not end within ${options.timeout} ms)`;
  const lines = told.split('\n').map((line) => line.split(/ (.*)/s));
  return {
    reached: lines.flatMap(([what, point]) =>
      what === 'reached' ? [point as Failpoint | 'end'] : [],
    ),
    killed: signal === 'SIGKILL' && lines.some(([what]) => what === 'killed'),
    code,
    signal,
    output,
  };
}
