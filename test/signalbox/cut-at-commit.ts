import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { LoadBalancer } from '../../examples/load-balancer.js';
import { Volume } from '../../src/cli/demo/entities.js';
import { idempotent } from '../../src/consuming/inbox/idempotent.js';
import { originSource } from '../../src/context/origin-source.js';
import { GroupCommit } from '../../src/persistence/commit/group-commit.js';
import { bindResource } from '../../src/persistence/resource/binding.js';
import { Transitions } from '../../src/signalbox/transitions.js';
import { openStore } from '../../src/persistence/open-store.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import type { Judge, Verdict } from '../support/tcp-proxy.js';

/** Something a public method commits by itself, and how to see from elsewhere whether it is there. */
export interface Committing {
  /** Makes what it needs, over connections that nobody cuts. */
  prepare(calm: Calm): Promise<Prepared>;
}

interface Prepared {
  /** The call, over connections that may be cut. */
  call(cut: { readonly signalbox: Signalbox; readonly dataSource: DataSource }): Promise<unknown>;
  /** Whether what the cut commit writes is there. Once, and never twice. */
  isThere(): Promise<boolean>;
}

export interface Calm {
  readonly signalbox: Signalbox;
  readonly dataSource: DataSource;
}

type Method<T> = keyof {
  [K in keyof T as T[K] extends (...given: never) => unknown ? K : never]: 1;
};

/** Events of a subject in the journal, by type. */
async function told({ dataSource }: Calm, uuid: string, type: string): Promise<boolean> {
  const rows = await openStore(dataSource).journal.read({ uuid, limit: 100 });
  const count = rows.filter((row) => row.type === type).length;
  if (count > 1) throw new Error(`${type} of ${uuid} was written ${count} times`);
  return count === 1;
}

const subjectOf = (uuid: string) => ({ resource: 'Volume', uuid });

/** Each public method of a Signalbox that commits by itself. */
export const committing: Readonly<
  Record<string, Committing> & Partial<Record<Method<Signalbox>, Committing>>
> = {
  transition: {
    async prepare(calm) {
      const { uuid } = await calm.signalbox.create(Volume, { sizeGib: 1 });
      return {
        call: ({ signalbox }) => signalbox.transition(Volume, uuid, 'CreateRequested'),
        isThere: () => told(calm, uuid, 'CreateRequested'),
      };
    },
  },
  'transition with a guard': {
    async prepare(calm) {
      const { uuid } = await calm.signalbox.create(LoadBalancer, { members: 2 });
      return {
        call: ({ signalbox }) => signalbox.transition(LoadBalancer, uuid, 'DeployRequested'),
        isThere: () => told(calm, uuid, 'DeployRequested'),
      };
    },
  },
  create: {
    prepare(calm) {
      const uuid = randomUUID();
      return Promise.resolve({
        call: ({ signalbox }) => signalbox.create(Volume, { uuid, sizeGib: 1 }),
        isThere: async () => {
          const there = await told(calm, uuid, 'Created');
          const row = await calm.dataSource.manager.findOneBy(Volume, { uuid });
          if ((row !== null) !== there) throw new Error('row and journal disagree');
          return there;
        },
      });
    },
  },
  remove: {
    async prepare(calm) {
      const volume = await calm.signalbox.create(Volume, { sizeGib: 1 });
      const { uuid } = volume;
      return {
        call: ({ signalbox }) => signalbox.remove(volume),
        isThere: () => told(calm, uuid, 'Removed'),
      };
    },
  },
  recordUsage: {
    prepare(calm) {
      const uuid = randomUUID();
      return Promise.resolve({
        call: ({ signalbox }) =>
          signalbox.recordUsage('VOLUME.CREATE', { subject: subjectOf(uuid) }),
        isThere: () => told(calm, uuid, 'VOLUME.CREATE'),
      });
    },
  },
  raiseAlert: {
    prepare(calm) {
      const uuid = randomUUID();
      return Promise.resolve({
        call: ({ signalbox }) =>
          signalbox.raiseAlert('ALERT.STORAGE', 'look', { subject: subjectOf(uuid) }),
        isThere: () => told(calm, uuid, 'ALERT.STORAGE'),
      });
    },
  },
  action: {
    prepare(calm) {
      const uuid = randomUUID();
      let ran = false;
      return Promise.resolve({
        call: ({ signalbox }) =>
          signalbox
            .action('VOLUME.ATTACH', { subject: subjectOf(uuid) }, () => {
              ran = true;
            })
            .then(() => {
              if (!ran) throw new Error('the action completed and never ran');
            }),
        // It is done when its end is told.
        isThere: async () => {
          const rows = await openStore(calm.dataSource).journal.read({ uuid, limit: 100 });
          return rows.some(({ payload }) => payload.includes('"Completed"'));
        },
      });
    },
  },
  'jobs.submit': {
    prepare(calm) {
      const command = `cmd-${randomUUID()}`;
      return Promise.resolve({
        call: ({ signalbox }) => signalbox.jobs.submit(command),
        isThere: async () => (await jobs(calm, { command })).length === 1,
      });
    },
  },
  'jobs.update': {
    async prepare(calm) {
      const id = await calm.signalbox.jobs.submit('work');
      return {
        call: ({ signalbox }) => signalbox.jobs.update(id, 50),
        isThere: async () => (await jobs(calm, { id }))[0]?.progress === 50,
      };
    },
  },
  'jobs.complete': {
    async prepare(calm) {
      const id = await calm.signalbox.jobs.submit('work');
      return {
        call: ({ signalbox }) => signalbox.jobs.complete(id),
        isThere: async () => (await jobs(calm, { id })).length === 0,
      };
    },
  },
  'jobs.fail': {
    async prepare(calm) {
      const id = await calm.signalbox.jobs.submit('work');
      return {
        call: ({ signalbox }) => signalbox.jobs.fail(id, new Error('broken')),
        isThere: async () => (await jobs(calm, { id })).length === 0,
      };
    },
  },
  idempotent: {
    prepare(calm) {
      const id = randomUUID();
      return Promise.resolve({
        call: ({ dataSource }) => idempotent(dataSource, () => {}, { consumer: 'cut' })({ id }),
        isThere: async () => {
          const rows = await calm.dataSource
            .createQueryBuilder()
            .select('id')
            .from('signalbox_inbox', 'i')
            .where('id = :id', { id })
            .getRawMany();
          return rows.length === 1;
        },
      });
    },
  },
  'the timeout of a deadline': {
    async prepare(calm) {
      const { uuid } = await calm.signalbox.create(LoadBalancer, { members: 1 });
      await calm.signalbox.transition(LoadBalancer, uuid, 'DeployRequested');
      const { deadline } = (await calm.dataSource
        .createQueryBuilder()
        .select('deadline')
        .from('signalbox_deadline', 'd')
        .where('uuid = :uuid', { uuid })
        .getRawOne<{ deadline: string }>()) as { deadline: string };
      return {
        call: ({ dataSource }) => {
          const store = openStore(dataSource);
          const transitions = new Transitions({
            dataSource,
            store,
            groupCommit: new GroupCommit(store),
            origin: originSource('test'),
            maxPayload: 262_144,
          });
          const due = { resource: 'LoadBalancer', uuid, deadline, revision: 2 };
          return transitions.fire(bindResource(dataSource, LoadBalancer), due, 2);
        },
        isThere: () => told(calm, uuid, 'DeadlineExceeded'),
      };
    },
  },
};

/** Methods that commit nothing to the database by themselves, with the reason. */
export const notCommitting: Readonly<Record<string, string>> = {
  send: 'writes nothing before its entity is saved',
  explain: 'reads',
  history: 'reads',
  outboxDepth: 'reads',
  watch: 'reads',
  subscribe: 'is a matter of the bus',
  replay: 'reads, and publishes to the bus',
  withContext: 'runs a function',
  close: 'ends',
};

/** The public methods of a class, but for the constructor. */
export function publicMethods(type: { readonly prototype: object }): readonly string[] {
  return Object.getOwnPropertyNames(type.prototype).filter((name) => name !== 'constructor');
}

async function jobs(
  { dataSource }: Calm,
  where: { readonly id: string } | { readonly command: string },
): Promise<readonly { readonly progress: number }[]> {
  const [column, value] = Object.entries(where)[0] as [string, string];
  const rows = await dataSource
    .createQueryBuilder()
    .select('progress')
    .from('signalbox_job', 'j')
    .where(`${column} = :value`, { value })
    .getRawMany<{ progress: number | string }>();
  return rows.map(({ progress }) => ({ progress: Number(progress) }));
}

/** Judges the chunk by which a connection asks its server to commit; all else passes. */
export function atCommit(decide: () => Verdict | Promise<Verdict>): Judge {
  const inTransaction = new WeakSet<object>();
  return (chunk, connection) => {
    const text = chunk.toString('latin1');
    const commits = /\bCOMMIT\b/.test(text);
    // PostgreSQL: one statement that commits by itself. TypeORM's transactions name theirs too.
    // Where the server may be a pooler it has no name, and its text is sent.
    const writes = /signalbox_[0-9a-f]{32}|INSERT INTO signalbox_journal/.test(text);
    const isAlone = !inTransaction.has(connection) && writes;
    if (/START TRANSACTION/.test(text)) inTransaction.add(connection);
    if (commits || /ROLLBACK/.test(text)) inTransaction.delete(connection);
    return commits || isAlone ? decide() : 'pass';
  };
}
