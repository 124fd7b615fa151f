import type { ChildProcess } from 'node:child_process';
import { until } from '../../scripts/servers/until.js';
import { freeze } from './freeze.js';

export interface ServerProcessOptions {
  /** As its errors call it. */
  readonly name: string;
  /** Spawns it; its outputs must be pipes. */
  readonly spawn: () => ChildProcess;
  /** Whether it serves clients. */
  readonly answers: () => Promise<boolean>;
  /** Milliseconds it may take to start. Default 90,000. */
  readonly deadline?: number;
  /**
   * The signals that go to all of its group and not to the process alone; it must be spawned
   * `detached` then. Default none.
   */
  readonly toGroup?: readonly NodeJS.Signals[];
}

/** The process of a private server, which may be ended, frozen and started again. */
export class ServerProcess {
  readonly #options: ServerProcessOptions;
  #child: ChildProcess | undefined;
  #log = '';

  constructor(options: ServerProcessOptions) {
    this.#options = options;
  }

  get alive(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Resolves when it serves clients. Rejects with the end of its log when it does not in time. */
  async start(): Promise<void> {
    const { name, spawn, answers, deadline = 90_000 } = this.#options;
    const child = spawn();
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on(
        'data',
        (chunk: Buffer) => (this.#log = (this.#log + chunk.toString()).slice(-20_000)),
      );
    }
    const ready = await until(deadline, async () => {
      if (!this.alive) return false;
      return (await answers()) ? true : undefined;
    });
    if (ready !== true)
      throw new Error(`The private ${name} did not start:\n${this.#log.slice(-4_000)}`);
  }

  /** Resolves when it is gone; at once where it is not there. Also ends what is frozen. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.alive) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    this.#signal('SIGCONT');
    this.#signal(signal);
    await exited;
  }

  /** Its connections stay open and nothing answers, until `resume`. */
  pause(): void {
    if (this.alive) freeze(this.#target('SIGSTOP'));
  }

  resume(): void {
    if (this.alive) this.#signal('SIGCONT');
  }

  #signal(signal: NodeJS.Signals): void {
    process.kill(this.#target(signal), signal);
  }

  /** The process, or its group as the system writes one. */
  #target(signal: NodeJS.Signals): number {
    const pid = this.#child?.pid as number;
    return this.#options.toGroup?.includes(signal) === true ? -pid : pid;
  }
}

/** Whether a probe of a server resolves. */
export async function succeeds(probe: Promise<unknown>): Promise<boolean> {
  return probe.then(
    () => true,
    () => false,
  );
}
