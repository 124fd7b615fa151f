import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../../support/eventually.js';

/** A line that a peer printed. */
export interface PeerLine {
  readonly kind: string;
  readonly priority?: string;
  readonly publisher_id?: string;
  readonly event_type?: string;
  readonly payload?: unknown;
  readonly message_id?: string | null;
  readonly context?: Readonly<Record<string, unknown>>;
}

/** Debian's Python, which Debian's packages are for. */
const python = '/usr/bin/python3';

/** A program of OpenStack's library that runs beside the test. */
export interface Peer extends AsyncDisposable {
  /** The notifications it printed, in order. */
  readonly notifications: readonly PeerLine[];
  /** What it wrote to its log. */
  readonly log: () => string;
  /** Writes a line of JSON to it, and waits for its answer. */
  send(value: unknown): Promise<void>;
}

/** Starts a script of this folder and waits until it is ready. Rejects with its log when it ends. */
export async function startPeer(script: string, given: object): Promise<Peer> {
  const child = start(script, JSON.stringify(given));
  const lines: PeerLine[] = [];
  let log = '';
  let ended = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line) as PeerLine);
  });
  child.stderr.on('data', (data) => (log += String(data)));
  const exited = new Promise<void>((resolve) => {
    child.on('close', () => {
      ended = true;
      resolve();
    });
  });
  const count = (kind: string): number => lines.filter((line) => line.kind === kind).length;
  const until = (kind: string, wanted: number): Promise<void> =>
    eventually(
      () => {
        if (count(kind) >= wanted || ended) return;
        throw new Error(`${script} is not ${kind}: ${log}`);
      },
      { deadline: 60_000 },
    );
  await until('ready', 1);
  if (ended) throw new Error(`${script} ended: ${log}`);
  return {
    get notifications() {
      return lines.filter(({ kind }) => kind === 'notification');
    },
    log: () => log,
    async send(value) {
      const sent = count('sent');
      child.stdin.write(`${JSON.stringify(value)}\n`);
      await until('sent', sent + 1);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Runs a script of this folder on an input, and resolves with its output. */
export async function askPeer(script: string, input: unknown): Promise<unknown> {
  const child = start(script);
  let output = '';
  let log = '';
  child.stdout.on('data', (data) => (output += String(data)));
  child.stderr.on('data', (data) => (log += String(data)));
  const exited = new Promise((resolve) => child.on('close', resolve));
  child.stdin.end(JSON.stringify(input));
  if ((await exited) !== 0) throw new Error(log);
  return JSON.parse(output) as unknown;
}

function start(script: string, ...args: readonly string[]): ChildProcessWithoutNullStreams {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawn(python, ['-W', 'ignore', path, ...args]);
}
