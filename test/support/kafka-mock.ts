import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { freeze } from './freeze.js';

/**
 * A Kafka cluster that is librdkafka's mock, as Debian's kcat carries it: brokers inside one kcat
 * process, which speak Kafka's protocol and keep records in memory. It makes topics of four partitions by
 * itself. It knows no TLS, no SASL, no ACLs and no deletion of groups, and refuses no record.
 */
export interface KafkaMock {
  /** `127.0.0.1:<port>` of each broker, separated by commas. */
  readonly brokers: string;
  /** Ends it as a power failure would: all that it held is gone. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers, until `resume`. */
  pause(): void;
  resume(): void;
}

const startDeadline = 30_000;

/** Starts a cluster of its own on free ports. Resolves when its address is known. */
export async function startKafkaMock({ brokers = 1 } = {}): Promise<KafkaMock> {
  const child = spawn(
    'kcat',
    ['-X', `test.mock.num.brokers=${brokers}`, '-b', 'x', '-d', 'mock', '-C', '-t', 'keepalive'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const address = await addressOf(child);
  const signal = (name: NodeJS.Signals): void => void child.kill(name);
  return {
    brokers: address,
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      signal('SIGKILL');
      await gone;
    },
    pause: () => freeze(child.pid as number),
    resume: () => signal('SIGCONT'),
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  const { stderr } = child;
  if (stderr === null) throw new Error('kcat has no standard error');
  let log = '';
  const address = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no mock cluster:\n${log}`)), startDeadline);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`kcat ended:\n${log}`)));
    // Read to the end of its life: a full pipe would stop the brokers.
    createInterface({ input: stderr }).on('line', (line) => {
      const [, found] = /bootstrap\.servers=(\S+)/.exec(line) ?? [];
      if (found === undefined) {
        log = `${log}${line}\n`.slice(-4_000);
        return;
      }
      clearTimeout(timer);
      resolve(found);
    });
  });
  return address;
}

/** Runs kcat against a cluster; resolves with what it prints. Rejects when it fails. */
export async function kcat(
  brokers: string,
  args: readonly string[],
  input?: string | Buffer,
): Promise<string> {
  const child = spawn('kcat', ['-b', brokers, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`kcat ${args.join(' ')} ended with ${String(code)}:\n${errors}`);
  return output;
}
