import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { KafkaMock } from './kafka-mock.js';
import { freeze } from './freeze.js';

/**
 * librdkafka's mock cluster with all that its own interface can do to it: leaders move, brokers go and
 * come. What it lacks is said of `KafkaMock`.
 */
export interface KafkaMockCluster extends KafkaMock {
  /** A topic of so many partitions, led by the brokers in turn. */
  createTopic(topic: string, partitions: number): Promise<void>;
  /** @param broker From 1 on. */
  setLeader(topic: string, partition: number, broker: number): Promise<void>;
  setCoordinator(group: string, broker: number): Promise<void>;
  /** A broker that is down closes its connections and takes none; its partitions stay with it. */
  setDown(broker: number): Promise<void>;
  setUp(broker: number): Promise<void>;
}

/** Starts a cluster of its own on free ports. Resolves when its address is known. */
export async function startKafkaMockCluster({ brokers = 3 } = {}): Promise<KafkaMockCluster> {
  const program = fileURLToPath(new URL('kafka-mock-cluster.py', import.meta.url));
  // Debian's, as librdkafka is; another Python may be first in the path.
  const child = spawn('/usr/bin/python3', [program, String(brokers)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on(
    'data',
    (chunk: Buffer) => (errors = `${errors}${chunk.toString()}`.slice(-4_000)),
  );
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  const answer = (): Promise<string> =>
    new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => (errors += error.message)).once('close', () => resolve());
  }).then(() => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`no mock cluster:\n${errors}`));
  });
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(line));
  const call = async (...words: readonly (string | number)[]): Promise<void> => {
    const answered = answer();
    child.stdin.write(`${words.join(' ')}\n`);
    const code = await answered;
    if (code !== '0') throw new Error(`${words.join(' ')}: librdkafka says ${code}`);
  };
  return {
    brokers: await answer(),
    createTopic: async (topic, partitions) => {
      await call('topic_create', topic, partitions, brokers);
      for (let partition = 0; partition < partitions; partition += 1) {
        await call('partition_set_leader', topic, partition, 1 + (partition % brokers));
      }
    },
    setLeader: (topic, partition, broker) => call('partition_set_leader', topic, partition, broker),
    setCoordinator: (group, broker) => call('coordinator_set', 'group', group, broker),
    setDown: (broker) => call('broker_set_down', broker),
    setUp: (broker) => call('broker_set_up', broker),
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
    pause: () => freeze(child.pid as number),
    resume: () => void child.kill('SIGCONT'),
  };
}
