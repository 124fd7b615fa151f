import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { machines } from '../../machines/index.js';
import { VirtualMachine } from '../../src/cli/demo/entities.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import { openCloud } from '../e2e/support/cloud.js';
import { runSignalbox, startSignalbox } from '../support/command-line.js';
import { freshDatabase, testDatabases } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { type PrivateRabbitmq, startPrivateRabbitmq } from '../support/private-rabbitmq.js';
import type { ExitReport } from '../support/run-node.js';
import { serviceUrl } from '../support/service-url.js';

const canary = 'c4n4ry-s3cret';
const root = resolve(import.meta.dirname, '../..');
/** Nothing of the developer's own environment may leak in. */
const env = {
  SIGNALBOX_DATABASE: undefined,
  SIGNALBOX_BUS: undefined,
  SIGNALBOX_SOURCE: undefined,
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-cli-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const run = (...args: string[]): Promise<ExitReport> => runSignalbox(args, { cwd: directory, env });

interface DemoLine {
  readonly routingKey?: string;
  readonly event?: SignalboxEvent;
  readonly summary?: {
    readonly resources: Readonly<Record<string, Readonly<Record<string, number>>>>;
    readonly events: Readonly<Record<string, number>>;
    readonly journal: number;
    readonly received: number;
    readonly outbox: { readonly pending: number; readonly parked: number };
  };
}

describe('demo', () => {
  test.each(testDatabases)(
    'tells a whole orchestration on %s and ends with an empty outbox',
    async (kind) => {
      await using database = await freshDatabase(kind);
      const bus = kind === 'postgres' ? ['--bus', serviceUrl('rabbitmq')] : [];
      const { code, stdout } = await run('demo', '--database', database.url, '--json', ...bus);
      expect(code).toBe(0);
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as DemoLine);
      const summary = lines.at(-1)?.summary;
      const events = lines.slice(0, -1);
      expect(summary).toMatchObject({
        events: {
          ActionEvent: 4,
          AlertEvent: 1,
          AsyncJobEvent: 3,
          ResourceStateEvent: 34,
          UsageEvent: 4,
        },
        journal: events.length,
        received: events.length,
        outbox: { pending: 0, parked: 0 },
      });
      for (const { routingKey, event } of events) {
        expect(routingKey).toMatch(new RegExp(`^management-server\\.${event?.category}\\.`));
      }
    },
  );

  test('as load drives every machine to its end, with plain lines where no terminal is', async () => {
    const { code, stdout, stderr } = await run('demo', '--resources', '50', '--json');
    expect(code).toBe(0);
    const { summary } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as DemoLine;
    expect(summary?.resources['VirtualMachine']).toEqual({ Expunged: 50 });
    expect(summary?.received).toBe(summary?.journal);
    expect(stderr).toContain('50/50 machines\n');
  });

  test('for a person prints each event and the refused, the lost and the recovered', async () => {
    const { code, stdout } = await run('demo');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\d\d:\d\d:\d\d\.\d{3} {2}management-server\.ResourceStateEvent\.\S+ {2}Starting → Running/,
    );
    for (const text of ['refused:', 'lost the race:', 'Destroyed → Stopped', 'Outbox empty'])
      expect(stdout).toContain(text);
  });
});

describe('machine and explain', () => {
  test('list the four lifecycles and print each in the promised shape', async () => {
    const { stdout } = await run('machine');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(machines.map(({ resource }) => resource));
    const { code, stdout: json } = await run('machine', 'VirtualMachine', '--format', 'json');
    expect(code).toBe(0);
    const machine = JSON.parse(json) as Record<string, Record<string, unknown>[]>;
    expect(Object.keys(machine)).toEqual([
      'resource',
      'version',
      'initial',
      'initialStates',
      'creations',
      'states',
      'deadlines',
      'events',
      'transitions',
    ]);
    for (const state of machine['states'] ?? [])
      expect(Object.keys(state)).toEqual(
        expect.arrayContaining(['name', 'tags', 'final', 'deadline']),
      );
    expect(machine['transitions']).toContainEqual(
      expect.objectContaining({
        from: 'Starting',
        event: 'OperationSucceeded',
        to: 'Running',
        effects: [{ category: 'UsageEvent', type: 'VM.START' }],
      }),
    );
  });

  test('take the path of a file with a TypeORM entity beside the lifecycle', async () => {
    const path = join(root, 'examples/load-balancer.ts');
    const { code, stdout } = await run('machine', path);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Active.Degraded')]);
    const explained = await run('explain', path, '--state', 'Allocated', '--event', 'DeployRequested', '--context', '{"members":0}'); // prettier-ignore
    expect(explained).toMatchObject({ code: 1, stdout: expect.stringContaining('hasMembers') });
  });

  test('explain why not, and refuse a question about what does not exist', async () => {
    const ask = (state: string, event: string) =>
      run('explain', 'VirtualMachine', '--state', state, '--event', event);
    expect(await ask('Running', 'RecoveryRequested')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/not lawful[^]*EVENT_NOT_LAWFUL[^]*StopRequested/),
    });
    expect(await ask('Running', 'StopRequested')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is lawful'),
    });
    expect(await ask('Runing', 'StopRequested')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('UNKNOWN_STATE'),
    });
    // As `transition` and `send` throw it.
    expect(
      await run('--debug', 'explain', 'VirtualMachine', '--state', 'Runing', '--event', 'x'),
    ).toMatchObject({ code: 2, stderr: expect.stringContaining('ConfigurationError') });
    expect(await ask('Running', 'StopRequestd')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('UNKNOWN_EVENT'),
    });
  });
});

describe('help', () => {
  const commands = ['demo', 'machine', 'explain', 'migrate', 'relay', 'outbox list', 'outbox retry', 'outbox drop', 'tail']; // prettier-ignore
  const servers = /--database (?!sqlite)|amqp:/;

  test.each(commands)('of %s shows an example, and it works', async (command) => {
    const { code, stdout } = await run(...command.split(' '), '--help');
    expect(code).toBe(0);
    const examples = stdout.split('\n').filter((line) => /^ {2}signalbox \S/.test(line));
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(example.trim()).toMatch(new RegExp(`^signalbox ${command}`));
      // Those for other people's servers, and for a row that is not there, are run below.
      if (servers.test(example) || /4711|--bus retired|outbox list|1000/.test(example)) continue;
      // The one of `explain` asks why an event is refused.
      const wanted = command === 'explain' ? 1 : 0;
      expect((await run(...example.trim().split(/\s+/).slice(1))).code).toBe(wanted);
    }
  });
});

describe('exit codes', () => {
  test.each([
    [2, ['nonsense']],
    [2, ['machine', 'VirtualMachin']],
    [2, ['machine', 'nowhere.ts']],
    [2, ['migrate']],
    [2, ['migrate', '--database', `mongodb://u:${canary}@h/x`]],
    [2, ['demo', '--resources', 'many']],
    [2, ['tail']],
    [2, ['tail', '--count', 'x', '--bus', 'amqp://127.0.0.1:1']],
    [2, ['tail', '--bus', 'amqp://127.0.0.1:1', 'a.b']],
    [2, ['relay', '--database', 'sqlite:x.sqlite']],
    [2, ['outbox', 'list', '--database', 'sqlite:empty.sqlite']],
    [2, ['outbox', 'retry', 'x', '--database', 'sqlite:empty.sqlite']],
    [1, ['migrate', '--database', `postgres://u:${canary}@127.0.0.1:1/x`]],
    [1, ['migrate', '--database', `mysql://u:${canary}@127.0.0.1:1/x`]],
    [1, ['tail', '--bus', `amqp://u:${canary}@127.0.0.1:1`]],
  ])('%i for signalbox %j, in one paragraph without stack or password', async (expected, args) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(expected);
    expect(stderr).not.toBe('');
    expect(stdout + stderr).not.toMatch(/^\s+at /m);
    expect(stdout + stderr).not.toContain(canary);
  });

  test('a stack trace is for --debug, and holds no password either', async () => {
    const url = `postgres://u:${canary}@127.0.0.1:1/x`;
    const { code, stderr } = await run('--debug', 'migrate', '--database', url);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^\s+at /m);
    expect(stderr).not.toContain(canary);
  });
});

describe.each(testDatabases)('migrate on %s', (kind) => {
  test('may be run twice, by a flag, the environment or a file', async () => {
    await using database = await freshDatabase(kind);
    const first = await run('migrate', '--database', database.url);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('applied') });
    const second = await runSignalbox(['migrate'], {
      cwd: directory,
      env: { ...env, SIGNALBOX_DATABASE: database.url },
    });
    expect(second).toMatchObject({ code: 0, stdout: 'already up to date\n' });
    await writeFile(
      join(directory, 'signalbox.config.ts'),
      `import { defineConfig } from '${join(root, 'dist/index.js')}';
       const database: string = ${JSON.stringify(database.url)};
       export default defineConfig({ database });`,
    );
    expect(await run('migrate')).toMatchObject({ code: 0, stdout: 'already up to date\n' });
    await writeFile(join(directory, 'signalbox.config.ts'), 'export default { databse: 1 };');
    expect(await run('migrate')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Did you mean 'database'?"),
    });
  });
});

describe('relay, outbox and tail on a broker', () => {
  let broker: PrivateRabbitmq;
  beforeAll(async () => {
    broker = await startPrivateRabbitmq();
    // May read and declare, and may not publish: each message is refused for good.
    await broker.ctl('add_user', 'reader', canary);
    await broker.ctl('set_permissions', 'reader', '.*', '^$', '.*');
  }, 120_000);
  afterAll(() => broker.dispose());

  test('a relay drains what is there and ends well when it is told to', async () => {
    await using cloud = await openCloud('postgres');
    const signalbox = await cloud.open({ relay: false });
    await using tail = startSignalbox(['tail', '--format', 'json', '--bus', broker.url, '*.*.*.VirtualMachine.#'], { cwd: directory, env }); // prettier-ignore
    await tail.line('listening on rabbitmq for *.*.*.VirtualMachine.#', { from: 'stderr' });
    expect(await broker.ctl('list_queues')).toMatch(/\S/);
    const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
    await using relay = startSignalbox(['relay', '--database', cloud.url, '--bus', broker.url], { cwd: directory, env }); // prettier-ignore
    const line = JSON.parse(await tail.line(uuid)) as DemoLine;
    expect(line).toMatchObject({
      routingKey: `management-server.ResourceStateEvent.Created.VirtualMachine.${uuid}`,
      event: { category: 'ResourceStateEvent', revision: 1 },
    });
    await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
    relay.kill('SIGTERM');
    expect(await relay.exited).toMatchObject({ code: 0 });
    // What was committed before the signal is published.
    await tail.line('Starting');
    expect((await signalbox.outboxDepth()).pending).toBe(0);
    tail.kill('SIGINT');
    expect(await tail.exited).toMatchObject({ code: 0 });
  });

  test('what the broker refuses for good is listed, retried and dropped', async () => {
    await using cloud = await openCloud('postgres');
    const signalbox = await cloud.open({ relay: false });
    const parked = await signalbox.create(VirtualMachine, { name: 'parked' });
    await signalbox.transition(VirtualMachine, parked.uuid, 'StartRequested');
    const url = broker.url.replace('guest:guest', `reader:${canary}`);
    await using refused = startSignalbox(['relay', '--database', cloud.url, '--bus', url], { cwd: directory, env }); // prettier-ignore
    await eventually(async () => {
      const { parked: rows, held, pending } = await signalbox.outboxDepth();
      // The resource's first event, the second behind it, and the alert that nobody may publish either.
      expect([rows, held, pending]).toEqual([2, 1, 0]);
    });
    refused.kill('SIGTERM');
    const ended = await refused.exited;
    expect(ended.code).toBe(0);
    expect(ended.stdout + ended.stderr).not.toContain(canary);

    const listed = await run('outbox', 'list', '--json', '--database', cloud.url);
    const { rows } = JSON.parse(listed.stdout) as {
      rows: { position: number; status: string; uuid: string | null; reason: string }[];
    };
    const row = rows.find(({ status, uuid }) => status === 'parked' && uuid === parked.uuid);
    expect(row?.reason).toMatch(/refused|permi/i);
    const alert = rows.find(({ uuid }) => uuid === null);
    expect(await run('outbox', 'list', '--database', cloud.url)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 parked, 1 held'),
    });

    const at = (entry: { position: number } | undefined) => String(entry?.position);
    expect((await run('outbox', 'drop', at(alert), '--database', cloud.url)).code).toBe(0);
    expect((await run('outbox', 'drop', at(alert), '--database', cloud.url)).code).toBe(2);
    expect((await run('outbox', 'retry', '4711', '--database', cloud.url)).code).toBe(2);
    expect((await run('outbox', 'retry', at(row), '--database', cloud.url)).code).toBe(0);
    expect(await signalbox.outboxDepth()).toMatchObject({ parked: 0, held: 0, pending: 2 });

    await using tail = startSignalbox(['tail', '--bus', broker.url, '--count', '2'], { cwd: directory, env }); // prettier-ignore
    await eventually(async () => expect(await broker.ctl('list_queues')).toMatch(/\S/));
    await using relay = startSignalbox(['relay', '--database', cloud.url, '--bus', broker.url], { cwd: directory, env }); // prettier-ignore
    const shown = await tail.exited;
    expect(shown).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/∅ → Stopped[^]*Stopped → Starting/),
    });
    relay.kill('SIGTERM');
    expect((await relay.exited).code).toBe(0);
  });
});
