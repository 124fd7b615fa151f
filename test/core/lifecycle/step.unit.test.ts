import { describe, expect, it } from 'vitest';
import { creation, step, stepDeadline } from '../../../src/core/lifecycle/step.js';
import { server, type ServerContext } from './server.js';

const ready: ServerContext = { disks: 2, locked: false };

describe('a lawful step', () => {
  it('is the frozen row of the table itself', () => {
    const result = step(server, { state: 'Booting' }, 'Booted');
    expect(result).toBe(server.table.rows.get('Booting')?.get('Booted')?.[0]);
    expect(result).toMatchObject({ lawful: true, from: 'Booting', to: 'Up.Healthy' });
    expect(result).toMatchObject({ next: 'Up.Healthy', changed: true, event: 'Booted' });
  });

  it('announces exits, the transition and entries, in this order', () => {
    const result = step(server, { state: 'Up.Degraded' }, 'Rebooted');
    expect(result.lawful && result.effects.map(({ type }) => type)).toEqual([
      'SERVER.STOP',
      'SERVER.START',
    ]);
  });

  it('may stay where it is', () => {
    expect(step(server, { state: 'Down' }, 'Renamed')).toMatchObject({
      changed: false,
      next: 'Down',
      effects: [{ category: 'ActionEvent', type: 'SERVER.RENAME' }],
      arms: [],
      cancels: [],
    });
  });
});

describe('deadlines', () => {
  const ids = (result: ReturnType<typeof step>) =>
    result.lawful && [result.arms.map(({ id }) => id), result.cancels];

  it('are armed on entry and cancelled on exit, each by its own state', () => {
    expect(ids(step(server, { state: 'Booting' }, 'Booted'))).toEqual([
      ['Up/3600000'],
      ['Booting/60000', 'Booting/120000'],
    ]);
  });

  it('of a state around go on while its children change', () => {
    expect(ids(step(server, { state: 'Up.Healthy' }, 'Degraded'))).toEqual([
      ['Up.Degraded/1000'],
      [],
    ]);
    expect(ids(step(server, { state: 'Up.Degraded' }, 'Recovered'))).toEqual([
      [],
      ['Up.Degraded/1000'],
    ]);
  });

  it('start anew when their state is left and entered again', () => {
    expect(ids(step(server, { state: 'Up.Healthy' }, 'Rebooted'))).toEqual([
      ['Up/3600000'],
      ['Up/3600000'],
    ]);
  });

  it('are told of every state in which they run, the earliest first', () => {
    expect(server.table.armed.get('Up.Degraded')?.map(({ id }) => id)).toEqual([
      'Up.Degraded/1000',
      'Up/3600000',
    ]);
    expect(server.states.find(({ name }) => name === 'Up.Degraded')?.deadline).toBe(1000);
    expect(server.table.armed.get('Gone')).toEqual([]);
  });

  it('raise the declared alert, and announce it once', () => {
    const context = { disks: 0, locked: false };
    const result = stepDeadline(server, { state: 'Booting', context }, 'Booting/60000');
    expect(result).toMatchObject({
      lawful: true,
      deadline: { alert: { category: 'AlertEvent', type: 'ALERT.BOOT' } },
      row: {
        next: 'Down',
        event: 'DeadlineExceeded',
        effects: [{ category: 'UsageEvent', type: 'SERVER.ABORT' }],
      },
    });
    expect(server.transitions.find(({ event }) => event === 'DeadlineExceeded')?.effects).toEqual([
      { category: 'AlertEvent', type: 'ALERT.BOOT' },
      { category: 'UsageEvent', type: 'SERVER.ABORT' },
    ]);
  });

  it('only raise an alert when their guard refuses, or when they have no target', () => {
    const context = { disks: 0, locked: true };
    const guarded = stepDeadline(server, { state: 'Booting', context }, 'Booting/60000');
    expect(guarded).toMatchObject({ lawful: true, row: undefined });
    const bare = stepDeadline(server, { state: 'Booting', context: ready }, 'Booting/120000');
    expect(bare).toMatchObject({
      lawful: true,
      row: undefined,
      deadline: { alert: { type: 'ALERT.RESOURCE.STUCK' } },
    });
    const inner = stepDeadline(server, { state: 'Up.Degraded' }, 'Up.Degraded/1000');
    expect(inner).toMatchObject({
      row: undefined,
      deadline: { alert: { type: 'ALERT.DEGRADED' } },
    });
  });

  it('are stale in a state in which they do not run', () => {
    expect(stepDeadline(server, { state: 'Down' }, 'Booting/60000')).toMatchObject({
      lawful: false,
      refusals: [{ code: 'DEADLINE_STALE' }],
    });
  });
});

describe('guards', () => {
  const boot = (context: ServerContext, event: 'BootRequested' | { forced: boolean }) =>
    step(
      server,
      { state: 'Down', context },
      typeof event === 'string' ? event : { type: 'BootRequested', ...event },
    );

  it('let the first candidate win whose guard holds', () => {
    expect(boot(ready, 'BootRequested')).toMatchObject({ next: 'Booting' });
    expect(boot({ disks: 0, locked: true }, { forced: true })).toMatchObject({ next: 'Booting' });
  });

  it('are named in the refusal, combined ones as they were combined', () => {
    for (const context of [
      { disks: 0, locked: false },
      { disks: 1, locked: true },
    ]) {
      expect(boot(context, 'BootRequested')).toMatchObject({
        lawful: false,
        refusals: [
          {
            code: 'GUARD_REFUSED',
            parameters: { guards: ['isForced', 'and(hasDisks({"atLeast":1}), not(isLocked))'] },
          },
        ],
      });
    }
  });

  it('make rows that do not depend on their order', () => {
    const rows = server.table.rows.get('Down')?.get('BootRequested') ?? [];
    expect(rows.map(({ guards }) => guards.map(({ expected }) => expected))).toEqual([
      [true],
      [false, true],
    ]);
    expect([...server.table.guardedEvents]).toEqual(['BootRequested']);
  });
});

describe('a refusal', () => {
  it.each([
    ['Down', 'Booted', 'EVENT_NOT_LAWFUL'],
    ['Up.Healthy', 'Recovered', 'EVENT_NOT_LAWFUL'],
    ['Gone', 'Scrapped', 'EVENT_NOT_LAWFUL'],
    ['Booting', 'DeadlineExceeded', 'EVENT_NOT_LAWFUL'],
    ['Down', 'Bootet', 'UNKNOWN_EVENT'],
    ['Up', 'Booted', 'UNKNOWN_STATE'],
    ['constructor', 'toString', 'UNKNOWN_STATE'],
    ['Down', 'toString', 'UNKNOWN_EVENT'],
  ])('of %s, %s has the code %s, and throws nothing', (state, event, code) => {
    const result = step(server, { state: state as 'Down' }, event as 'Booted');
    expect(result).toMatchObject({ lawful: false, refusals: [{ code }] });
  });

  it('tells what is lawful now', () => {
    const result = step(server, { state: 'Booting' }, 'ShutDown');
    expect(result).toMatchObject({
      refusals: [{ parameters: { lawful: ['Booted', 'BootFailed'], state: 'Booting' } }],
    });
  });

  it('suggests the nearest name', () => {
    const result = step(server, { state: 'Down' }, 'Bootd' as 'Booted');
    expect(!result.lawful && result.refusals[0].message).toContain("Did you mean 'Booted'?");
  });

  it('of an event that no context makes lawful leaves out what its guards refuse', () => {
    const locked = step(server, { state: 'Down', context: { disks: 0, locked: true } }, 'Booted');
    expect(locked).toMatchObject({
      refusals: [{ parameters: { lawful: ['Scrapped', 'Renamed'] } }],
    });
  });
});

describe('a creation', () => {
  it('announces the entry effects of every state it enters, and arms their deadlines', () => {
    expect(creation(server)).toMatchObject({ lawful: true, state: 'Down', effects: [], arms: [] });
    expect(creation(server, 'Up.Healthy')).toMatchObject({
      effects: [{ type: 'SERVER.START' }],
      arms: [{ id: 'Up/3600000' }],
    });
  });

  it('is refused where nothing is created, and tells where it is', () => {
    expect(creation(server, 'Gone')).toMatchObject({
      lawful: false,
      refusals: [
        { code: 'UNKNOWN_INITIAL_STATE', parameters: { initialStates: ['Down', 'Up.Healthy'] } },
      ],
    });
  });
});
