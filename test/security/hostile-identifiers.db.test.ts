import { cloudStackEventTypes } from '../../machines/index.js';
import fc from 'fast-check';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { volume } from '../../machines/volume.js';
import { Volume } from '../../src/cli/demo/entities.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { defineEventTypes } from '../../src/core/events/event-types.js';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../src/core/lifecycle/effects.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { mapResource } from '../../src/persistence/resource/resource.js';
import { openCloud } from '../e2e/support/cloud.js';
import { eachDatabase, freshDatabase } from '../support/databases.js';

/** What would be SQL, JSON or a second parameter if it were pasted instead of passed. */
const sharp = [
  "'",
  '"',
  '`',
  '\\',
  "\\'",
  "'; DROP TABLE signalbox_journal; --",
  '"; DROP TABLE signalbox_journal; --',
  '`; DROP TABLE signalbox_journal; --',
  '/*',
  '*/',
  '--',
  '#',
  '$1',
  '?',
  ':name',
  '%s',
  '${x}',
  '{{x}}',
  ',"old":"x"',
  '"}}',
  '\\u0000',
  'é',
  '💥',
  '\u2028',
  '\u200e',
];

const hostileText = fc
  .array(fc.oneof(fc.constantFrom(...sharp), fc.string({ unit: 'grapheme' })), { maxLength: 6 })
  .map((parts) => parts.join(''))
  .filter((text) => !text.includes('\0') && text.trim() !== '');

eachDatabase((kind) => {
  test('whatever a caller says is kept to the letter, and nothing of it is SQL', async () => {
    await using cloud = await openCloud(kind);
    if (kind === 'postgres') {
      // A backslash escapes on the connections that come, and not on those that are there.
      const { database } = cloud.dataSource.driver;
      await cloud.dataSource.query(
        `ALTER DATABASE "${database}" SET standard_conforming_strings = off`,
      );
    }
    const signalbox = await cloud.open();
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          reason: hostileText,
          actor: hostileText,
          correlationId: hostileText,
          account: hostileText,
          domain: hostileText,
        }),
        fc.boolean(),
        async ({ reason, actor, correlationId, account, domain }, together) => {
          const { uuid } = await signalbox.create(Volume, { sizeGib: 1, account, domain });
          const others = together
            ? await Promise.all([1, 2].map(() => signalbox.create(Volume, { sizeGib: 1, account })))
            : [];
          await Promise.all(
            [uuid, ...others.map((other) => other.uuid)].map((id) =>
              signalbox.transition(Volume, id, 'CreateRequested', { reason, actor, correlationId }),
            ),
          );
          const told = (await signalbox.history(Volume, uuid)).find(
            ({ type }) => type === 'CreateRequested',
          );
          expect(JSON.parse(told?.payload ?? '')).toMatchObject({
            actor,
            account,
            domain,
            correlationid: correlationId,
            data: { event: 'CreateRequested', reason, old: 'Allocated', new: 'Creating' },
          });
        },
      ),
      { numRuns: 25 },
    );
    await expect(
      cloud.dataSource.query('SELECT count(*) AS n FROM signalbox_journal'),
    ).resolves.toHaveLength(1);
  });

  test('names of states, events, effects, tables and columns are never SQL', async () => {
    const names = [`it's`, `semi;colon --`, `dollar $1 ?`, `brace }} {{`, `percent %s`, `"quoted"`];
    // A type has no blanks, for it is one word of a routing key.
    const usageOf = (name: string): string => `USAGE.${name.replaceAll(' ', '')}`;
    const [first = '', second = ''] = names;
    const kindsOf = defineEventTypes({ usage: names.map(usageOf) });
    const machine = setup({
      types: { events: {} as { readonly type: string } },
      actions: effects,
    }).createMachine({
      initial: first,
      states: Object.fromEntries(
        names.map((name, index) => [
          name,
          {
            on: {
              [`go ${name}`]: {
                target: names[(index + 1) % names.length] as string,
                actions: { type: 'usage', params: { type: usageOf(name) } },
              },
            },
          },
        ]),
      ),
    } as never);
    const odd = defineLifecycle({ resource: `Odd 'thing`, version: 1, machine: machine as never });
    // Without a single quote: TypeORM's own schema builder pastes that.
    @Entity('odd; -- table')
    class Odd {
      @PrimaryColumn({ type: String, length: 36, name: 'id; --' })
      id!: string;
      @Column({ type: String, length: 64, name: 'state $1 ?' })
      power!: string;
      @Column({ type: Number, name: 'revision) --' })
      rev!: number;
    }
    await using database = await freshDatabase(kind);
    const dataSource = await new DataSource({
      ...database.options,
      entities: [Odd],
      migrations: [...migrations],
    } as never).initialize();
    try {
      await dataSource.synchronize();
      await migrate(dataSource);
      const resource = mapResource(
        Odd,
        odd as never,
        {
          columns: { uuid: 'id', state: 'power', revision: 'rev' },
        } as never,
      );
      await using signalbox = await createSignalbox({
        dataSource,
        source: 'management-server',
        resources: [resource],
        eventTypes: kindsOf,
      });
      const made = await Promise.all(
        [1, 2, 3].map(() => signalbox.create(resource as never) as Promise<Odd>),
      );
      for (const [index, name] of names.entries()) {
        const moved = await Promise.all(
          made.map(({ id }) => signalbox.transition(resource as never, id, `go ${name}` as never)),
        );
        const next = names[(index + 1) % names.length];
        expect(moved).toMatchObject(made.map(() => ({ old: name, new: next })));
      }
      const rows = await dataSource.manager.find(Odd);
      expect(rows.map(({ power, rev }) => [power, rev])).toEqual(made.map(() => [first, 7]));
      const history = await signalbox.history(resource as never, made[0]?.id ?? '');
      expect(history.map(({ type }) => type)).toContain(usageOf(second));
    } finally {
      await dataSource.destroy();
    }
  });
});

describe('a name that TypeORM would not quote', () => {
  const mapped = (table: string, column: string) => {
    @Entity(table)
    class Broken {
      @PrimaryColumn({ type: String, length: 36 })
      uuid!: string;
      @Column({ type: String, name: column })
      state!: string;
      @Column({ type: Number })
      revision!: number;
    }
    return Broken;
  };
  test.each([
    ['a table', 'x"; DROP TABLE signalbox_journal; --', 'state'],
    ['a column', 'x', 'state" = state; --'],
    ['a column with a backtick', 'x', 'st`ate'],
  ])('is refused when it is bound: %s', async (_, table, column) => {
    const entity = mapped(table, column);
    const dataSource = await new DataSource({
      type: 'better-sqlite3',
      database: ':memory:',
      entities: [entity],
      migrations: [...migrations],
    }).initialize();
    await migrate(dataSource);
    await expect(
      createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: [mapResource(entity, volume as never)],
      }),
    ).rejects.toMatchObject({ code: 'RESOURCE_MAPPING_INVALID' });
    await dataSource.destroy();
  });
});
