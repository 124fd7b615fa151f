import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ServiceManager } from '../../../src/outside/rpc/service-manager.js';
import { openRabbitmqPlace } from '../../delivery/amqp/rabbitmq-place.js';
import { eventually } from '../../support/eventually.js';
import { startNode, type ChildProcess } from '../../support/run-node.js';
import { serviceUrl } from '../../support/service-url.js';
import type { ServiceProcessTask } from './support/service-process.js';
import type { Execution, VolumesService } from './support/volumes-service.js';

const concurrency = 4;

interface Outcome {
  readonly method: Execution['method'];
  readonly answer?: Execution;
  readonly error?: { readonly code: string; readonly parameters: { readonly request: string } };
}

test('servers killed under load: each call is answered by another, or told, and none is executed twice', async () => {
  const url = serviceUrl('rabbitmq');
  const place = await openRabbitmqPlace(url);
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-rpc-'));
  const file = join(directory, 'executions');
  const children: ChildProcess[] = [];
  const bus = place.connect();
  const services = new ServiceManager<{ volumes: VolumesService }>({ bus });
  onTestFinished(async () => {
    await services.close();
    for (const child of children) await child[Symbol.asyncDispose]();
    // The pool is the servers' own: a member of it takes it down.
    const member = await bus.subscribe(['x'], () => {}, { pool: 'rpc/volumes', order: 'member' });
    await member.unsubscribe({ removePool: true });
    await place.dispose();
    await rm(directory, { recursive: true, force: true });
  });
  const start = async (): Promise<ChildProcess> => {
    const task: ServiceProcessTask = { url, exchange: place.exchange, concurrency, file };
    const child = startNode(resolve(import.meta.dirname, 'support/service-process.ts'), [
      JSON.stringify(task),
    ]);
    children.push(child);
    await child.line('ready');
    return child;
  };
  const executions = async (): Promise<readonly Execution[]> =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Execution);

  const [first, second, third] = await Promise.all([start(), start(), start()]);
  const outcomes: Outcome[] = [];
  let stopping = false;
  const volumes = services.client('volumes', { timeout: 30_000 });
  const callers = Array.from({ length: 16 }, async (_, index) => {
    const method = index % 2 === 0 ? 'attach' : 'describe';
    while (!stopping) {
      outcomes.push(
        await volumes[method]({ volume: 'v' }).then(
          (answer) => ({ method, answer }),
          (error: Outcome['error']) => ({ method, ...(error === undefined ? {} : { error }) }),
        ),
      );
    }
  });
  const answered = (more: number): Promise<void> => {
    const wanted = outcomes.length + more;
    return eventually(() => expect(outcomes.length).toBeGreaterThan(wanted), { deadline: 60_000 });
  };

  await answered(200);
  // All three have taken their share.
  expect(new Set((await executions()).map(({ pid }) => pid)).size).toBe(3);
  first.kill('SIGKILL');
  await answered(200);
  second.kill('SIGKILL');
  await answered(100);
  const fourth = await start();
  await answered(200);
  // An orderly end is not noticed at all.
  const before = outcomes.length;
  third.kill('SIGTERM');
  expect(await third.exited).toMatchObject({ code: 0 });
  await answered(100);
  stopping = true;
  await Promise.all(callers);
  expect(outcomes.slice(before + 16).filter(({ error }) => error !== undefined)).toEqual([]);
  expect(outcomes.at(-1)?.answer?.pid).toBe(fourth.pid);

  const executed = await executions();
  const timesOf = new Map<string, number>();
  for (const { id } of executed) timesOf.set(id, (timesOf.get(id) ?? 0) + 1);
  const failed = outcomes.filter(({ error }) => error !== undefined);
  // What was under way in the two that were killed, and is not idempotent: no one can know.
  expect(failed.length).toBeLessThanOrEqual(2 * concurrency);
  for (const { method, error } of failed) {
    expect(method).toBe('attach');
    expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', parameters: { retrySafe: false } });
  }
  // No call that may not be repeated was executed twice; each that was answered was executed.
  const attached = executed.filter(({ method }) => method === 'attach');
  expect(new Set(attached.map(({ id }) => id)).size).toBe(attached.length);
  for (const { answer } of outcomes) {
    if (answer !== undefined) expect(timesOf.get(answer.id)).toBeGreaterThan(0);
  }
  // Idempotent ones were given to another when their server died, and answered once.
  const answers = outcomes.flatMap(({ answer }) => answer?.id ?? []);
  expect(new Set(answers).size).toBe(answers.length);
});
