import { DataSource, type DataSourceOptions, Entity, PrimaryColumn, Column } from 'typeorm';
import { setup } from 'xstate';
import { originSource } from '../../../src/context/origin-source.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { defineEventTypes } from '../../../src/core/events/event-types.js';
import { fireDeadline } from '../../../src/operations/deadlines/fire-deadline.js';
import { reconcileDeadlines } from '../../../src/operations/deadlines/reconcile.js';
import { GroupCommit } from '../../../src/persistence/commit/group-commit.js';
import { migrations } from '../../../src/persistence/migrations/migrations.js';
import { openStore } from '../../../src/persistence/open-store.js';
import { mapResource } from '../../../src/persistence/resource/resource.js';
import { ResourceRegistry } from '../../../src/signalbox/resource-registry.js';
import { Transitions } from '../../../src/signalbox/transitions.js';

/** A row that every version maps. */
@Entity('box')
export class Box {
  @PrimaryColumn({ type: 'uuid' })
  uuid!: string;
  @Column({ type: String, length: 255 })
  state!: string;
  @Column({ type: Number })
  revision!: number;
}

/** The delays of a state, in milliseconds, and where the last of them leads, if anywhere. */
export interface DelaySpec {
  readonly delays: readonly number[];
  readonly target?: string;
}

/** A version of the lifecycle: any state goes to any other, and back to itself, by an event. */
export function version(
  number: number,
  states: Readonly<Record<string, DelaySpec | undefined>>,
): AnyLifecycle {
  const names = Object.keys(states);
  const machine = setup({ actions: effects }).createMachine({
    initial: names[0] as string,
    states: Object.fromEntries(
      names.map((name) => [
        name,
        {
          tags: 'stable',
          after: Object.fromEntries(
            (states[name]?.delays ?? []).map((delay, index, all) => [
              delay,
              {
                actions: { type: 'alert', params: { type: 'ALERT.RESOURCE.STUCK' } },
                ...(index === all.length - 1 && states[name]?.target !== undefined
                  ? { target: states[name].target }
                  : {}),
              },
            ]),
          ),
          on: Object.fromEntries(
            names.map((to) => [`To${to}`, { target: to, reenter: to === name }]),
          ),
        },
      ]),
    ),
  } as never);
  return defineLifecycle({ resource: 'Box', version: number, machine: machine as never });
}

/** Opens a database for the boxes; its tables are made unless they are there. */
export async function openBoxes(
  options: DataSourceOptions,
  { make = false } = {},
): Promise<DataSource> {
  const dataSource = await new DataSource({
    ...options,
    ...(options.type === 'better-sqlite3' ? {} : { poolSize: 3 }),
    entities: [Box],
    migrations: [...migrations],
  } as DataSourceOptions).initialize();
  if (make) {
    await dataSource.runMigrations({ transaction: 'each' });
    await dataSource.driver.createSchemaBuilder().build();
  }
  return dataSource;
}

/** One process of one version: what it does to boxes, without timers of its own. */
export function deploy(dataSource: DataSource, lifecycle: AnyLifecycle) {
  const store = openStore(dataSource);
  const registry = new ResourceRegistry(dataSource, [mapResource(Box, lifecycle)], {
    source: 'test',
    eventTypes: defineEventTypes(),
  });
  const [binding] = registry.bindings;
  if (binding === undefined) throw new Error('not bound');
  const origin = originSource('test');
  const transitions = new Transitions({
    dataSource,
    store,
    groupCommit: new GroupCommit(store),
    origin,
    maxPayload: 65_536,
  });
  const context = { dataSource, store, target: transitions, origin };
  return {
    dataSource,
    lifecycle,
    store,
    binding,
    move: (uuid: string, to: string) => transitions.transition(binding, uuid, `To${to}`, {}),
    /** What its sweeper does when it looks. */
    async sweep(): Promise<readonly string[]> {
      const fates: string[] = [];
      for (let round = 0, skip = 0; round < 20; round += 1) {
        const due = await store.deadlines.due({ resources: ['Box'], limit: 50, skip });
        if (due.length === 0) break;
        for (const each of due) {
          const fired = await fireDeadline(context, binding, each);
          if (fired.result === 'armed') skip += 1;
          fates.push(fired.result);
        }
      }
      return fates;
    },
    /** What its sweeper does at the start and from time to time. */
    reconcile: (batch = 3) =>
      reconcileDeadlines(
        {
          dataSource,
          store,
          batch,
          stopped: () => false,
          onIncomplete: (error) => {
            throw error;
          },
          pause: async () => undefined,
        },
        binding,
      ),
    close: () => transitions.close(),
  };
}

export type Deployed = ReturnType<typeof deploy>;
