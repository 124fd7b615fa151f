import { describe, expect, test } from 'vitest';
import { ConfigurationError, ConflictError, RefusedError } from '../../src/core/errors/errors.js';
import type { ResourceBinding } from '../../src/persistence/resource/binding.js';
import {
  type LockedRow,
  type PlannedTransition,
  planTransition,
} from '../../src/core/planning/plan.js';
import type { TransitionRequest } from '../../src/core/planning/transition-request.js';
import { pump } from './pump.js';

const uuid = '0190b0c0-0000-7000-8000-000000000001';
// A plan reads no more of a binding than this.
const binding = { resource: 'Pump', lifecycle: pump } as unknown as ResourceBinding;
const time = '2026-06-01T00:00:00.000Z';

function plan(
  row: Partial<LockedRow> | undefined,
  request: Partial<TransitionRequest>,
  facts: { readonly armedRevision?: number; readonly context?: unknown } = {},
) {
  let id = 0;
  return planTransition(
    binding,
    row === undefined ? undefined : { uuid, state: 'Idle', revision: 4, ...row },
    { uuid, event: 'StartRequested', origin: { source: 'here', time }, ...request },
    { ...facts, nextId: () => `id-${(id += 1)}` },
  );
}

describe('a lawful request', () => {
  test('plans the row, the state event and the deadline of the new state', () => {
    expect(plan({}, { reason: 'why' })).toMatchObject({
      outcome: { uuid, old: 'Idle', new: 'Starting', revision: 5, changed: true, events: ['id-1'] },
      update: { state: 'Starting', revision: 5, lifecycleVersion: 3, stateSince: time },
      entries: [
        { id: 'id-1', category: 'ResourceStateEvent', type: 'StartRequested', revision: 5 },
      ],
      deadlines: {
        resource: 'Pump',
        uuid,
        revision: 5,
        arms: [{ id: 'Starting/1000' }],
        cancels: [],
      },
    });
  });

  test('puts old, new and reason into the data, in the order of the wire', () => {
    const { entries } = plan({}, { reason: 'why' }) as PlannedTransition;
    expect(entries[0]?.payload).toContain(
      '"data":{"event":"StartRequested","old":"Idle","new":"Starting","lifecycleVersion":3,"changed":true,"reason":"why"}}',
    );
  });

  test('announces its effects behind the state event, caused by it, of the same revision', () => {
    const { entries, outcome } = plan(
      { state: 'Starting' },
      { event: 'Started' },
    ) as PlannedTransition;
    expect(entries.map(({ category, type }) => [category, type])).toEqual([
      ['ResourceStateEvent', 'Started'],
      ['UsageEvent', 'PUMP.START'],
      ['AlertEvent', 'ALERT.PUMP'],
      ['AlertEvent', 'ALERT.PUMP'],
      ['ActionEvent', 'PUMP.STARTED'],
    ]);
    expect(outcome.events).toEqual(['id-1', 'id-2', 'id-3', 'id-4', 'id-5']);
    const events = entries.map(({ payload }) => JSON.parse(payload) as Record<string, unknown>);
    expect(events[0]?.['causationid']).toBeUndefined();
    for (const event of events.slice(1)) {
      expect(event).toMatchObject({ causationid: 'id-1', revision: 5 });
    }
    const transition = { event: 'Started', old: 'Starting', new: 'Running' };
    expect(events[1]?.['data']).toEqual({ details: { transition } });
    expect(events[3]?.['data']).toEqual({
      subject: `ALERT.PUMP: Pump ${uuid} went from Starting to Running on Started`,
      details: { level: 'high', transition },
    });
    expect(events[4]?.['data']).toEqual({ status: 'Completed', details: { transition } });
  });

  test('that changes no state keeps the time of the state and its deadlines', () => {
    const planned = plan({ state: 'Running' }, { event: 'Tick' }) as PlannedTransition;
    expect(planned.outcome).toMatchObject({ changed: false, revision: 5 });
    expect(planned.update).not.toHaveProperty('stateSince');
    expect(planned.deadlines).toMatchObject({ arms: [], cancels: [] });
  });

  test('tells the tenancy of the row', () => {
    const tenancy = { account: 'a "quoted"', domain: null, project: 'p' };
    const { entries } = plan({ tenancy }, {}) as PlannedTransition;
    expect(JSON.parse(entries[0]?.payload as string)).toMatchObject({
      account: 'a "quoted"',
      project: 'p',
    });
    expect(entries[0]?.payload).not.toContain('"domain"');
  });
});

describe('a request that cannot be', () => {
  test.each([
    ['of no row', undefined, {}, RefusedError, 'UNKNOWN_RESOURCE'],
    ['in an unknown state', { state: 'Melted' }, {}, ConfigurationError, 'UNKNOWN_STATE'],
    ['at another revision', {}, { expectedRevision: 3 }, ConflictError, 'REVISION_CONFLICT'],
    ['not lawful in the state', {}, { event: 'Tick' }, RefusedError, 'EVENT_NOT_LAWFUL'],
  ])('%s is an error of its own kind that names the resource', (_, row, request, kind, code) => {
    const error = plan(row, request);
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ code, parameters: { uuid } });
    expect((error as Error).message).toContain(uuid);
  });

  test('by its guards names them', () => {
    expect(plan({ state: 'Running' }, { event: 'Drain' }, { context: { level: 2 } })).toMatchObject(
      {
        code: 'GUARD_REFUSED',
        parameters: { guards: ['isEmpty'] },
      },
    );
  });
});

describe('a deadline', () => {
  const deadline = { id: 'Starting/1000', revision: 2 };
  const fire = (armedRevision?: number) =>
    plan(
      { state: 'Starting' },
      { event: 'DeadlineExceeded', deadline },
      armedRevision === undefined ? {} : { armedRevision },
    );

  test('still armed moves the resource, raises its alert and is spent', () => {
    const planned = fire(2) as PlannedTransition;
    expect(planned.outcome).toMatchObject({ old: 'Starting', new: 'Idle' });
    expect(planned.entries.map(({ type }) => type)).toEqual([
      'DeadlineExceeded',
      'ALERT.RESOURCE.STUCK',
    ]);
    expect(planned.deadlines.cancels).toEqual(['Starting/']);
  });

  test.each([undefined, 1, 3])('armed at revision %s is stale', (revision) => {
    expect(fire(revision)).toMatchObject({ code: 'DEADLINE_STALE' });
  });

  test('without a timeout transition moves nothing', () => {
    expect(
      plan(
        { state: 'Running' },
        { event: 'DeadlineExceeded', deadline: { id: 'Running/60000', revision: 2 } },
        { armedRevision: 2 },
      ),
    ).toMatchObject({ code: 'EVENT_NOT_LAWFUL', parameters: { deadline: 'Running/60000' } });
  });
});
