import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { VirtualMachine } from '../../src/cli/demo/entities.js';
import { openCloud } from '../e2e/support/cloud.js';
import { startSignalbox } from '../support/command-line.js';
import { eventually } from '../support/eventually.js';
import { startReceiver } from './support/receiver.js';

const env = {
  SIGNALBOX_DATABASE: undefined,
  SIGNALBOX_BUS: undefined,
  SIGNALBOX_SOURCE: undefined,
};

const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

/** Starts `signalbox serve`, and resolves when it listens. */
async function startServe(database: string, config: string) {
  const serving = startSignalbox(
    ['serve', '--database', database, '--port', '0', '--config', config],
    { env },
  );
  const line = await serving.line('listening on ', { from: 'stderr' });
  const [url = ''] = /http:\/\/[\d.:]+/.exec(line) ?? [];
  return { serving, url };
}

async function post(url: string, path: string, body: object) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as { readonly id: string; readonly status: string };
}

test.each(['postgres', 'mariadb'] as const)(
  'no event is lost and order is kept while serving processes are killed in turn on %s',
  async (kind) => {
    await using cloud = await openCloud(kind);
    await using receiver = await startReceiver();
    // The books: a part of the deliveries fails, and each takes its time.
    let count = 0;
    receiver.answer = (_, response) => {
      count += 1;
      response.writeHead(count % 7 === 0 ? 503 : 204).end();
    };
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-serve-'));
    folders.push(folder);
    const config = join(folder, 'signalbox.config.json');
    await writeFile(
      config,
      JSON.stringify({
        service: { lease: 1000, allow: [receiver.entry] },
        relay: { leaseDuration: 1000, starvedAfter: 900 },
      }),
    );
    const signalbox = await cloud.open({ relay: false });
    const processes = [await startServe(cloud.url, config), await startServe(cloud.url, config)];
    try {
      const endpoint = await post(processes[0]!.url, '/endpoints', {
        address: receiver.url,
        ordered: true,
        settings: {
          topics: ['*.ResourceStateEvent.*.*.*'],
          retry: { delays: Array.from({ length: 50 }, () => 0.1) },
        },
      });
      expect(endpoint.status).toBe('active');
      const machines = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          signalbox.create(VirtualMachine, { name: `vm-${index}` }),
        ),
      );
      const expected: string[] = [];
      for (let round = 0; round < 4; round += 1) {
        const moved = Promise.all(
          machines.map(async ({ uuid }) => {
            await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
            await signalbox.transition(VirtualMachine, uuid, 'OperationFailed');
          }),
        );
        const killed = processes[round % 2]!;
        killed.serving.kill('SIGKILL');
        await killed.serving.exited;
        await moved;
        processes[round % 2] = await startServe(cloud.url, config);
      }
      for (const { uuid } of machines) {
        for (const { id } of await signalbox.history(VirtualMachine, uuid)) expected.push(id);
      }
      const bookOf = (): ReadonlyMap<string, { uuid: string; revision: number }> =>
        new Map(
          receiver.received.map(({ headers, body }) => {
            const { subject, revision } = JSON.parse(body) as {
              readonly subject: string;
              readonly revision: number;
            };
            return [String(headers['webhook-id']), { uuid: subject, revision }];
          }),
        );
      await eventually(
        () => {
          const book = bookOf();
          expect(expected.filter((id) => !book.has(id))).toEqual([]);
        },
        { deadline: 60_000, every: 100 },
      );
      const first = new Map<string, number>();
      for (const { uuid, revision } of bookOf().values()) {
        expect(
          revision,
          `revisions of ${uuid} in the order of their first arrival`,
        ).toBeGreaterThan(first.get(uuid) ?? 0);
        first.set(uuid, revision);
      }
    } finally {
      for (const { serving } of processes) {
        serving.kill('SIGTERM');
        await serving.exited;
      }
    }
  },
  180_000,
);

test('a process that is told to stop finishes what is on the wire', async () => {
  await using cloud = await openCloud('sqlite');
  await using receiver = await startReceiver();
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-serve-'));
  folders.push(folder);
  const config = join(folder, 'signalbox.config.json');
  await writeFile(config, JSON.stringify({ service: { allow: [receiver.entry] } }));
  const signalbox = await cloud.open({ relay: false });
  const { serving, url } = await startServe(cloud.url, config);
  const { status } = await post(url, '/endpoints', { address: receiver.url });
  expect(status).toBe('active');
  let finish: () => void = () => undefined;
  receiver.answer = (_, response) => {
    finish = () => response.writeHead(204).end();
  };
  await signalbox.create(VirtualMachine, { name: 'web' });
  await eventually(() => expect(receiver.received).toHaveLength(1));
  serving.kill('SIGTERM');
  await serving.line('stopping', { from: 'stderr' });
  finish();
  const { code } = await serving.exited;
  expect(code).toBe(0);
  const rows: { status: string }[] = await cloud.dataSource.query(
    'SELECT status FROM signalbox_delivery',
  );
  expect(rows).toEqual([{ status: 'delivered' }]);
});
