import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { loadBalancer } from '../../../examples/load-balancer.js';
import { machines, snapshot, virtualMachine, volume } from '../../../machines/index.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { traceCheck } from '../../../src/tools/trace/trace-check.js';
import { traceFaults } from '../../../src/tools/trace/trace-fault.js';
import type { TraceOptions } from '../../../src/tools/trace/trace-options.js';
import { lawfulLife, record, stateEvents, type Change } from './recorded-life.js';

const minute = 60_000;

function check(events: readonly SignalboxEvent[], options?: TraceOptions, lifecycles = machines) {
  const checking = traceCheck(lifecycles, options);
  for (const event of events) checking.add(event);
  return checking.report();
}

function codes(events: readonly SignalboxEvent[], options?: TraceOptions): readonly string[] {
  return check(events, options).listed.map(({ code }) => code);
}

/** A machine that starts, runs and stops. */
const day: readonly Change[] = [
  { event: 'Created', old: null, new: 'Stopped' },
  { event: 'StartRequested', old: 'Stopped', new: 'Starting' },
  { event: 'OperationSucceeded', old: 'Starting', new: 'Running' },
  { event: 'StopRequested', old: 'Running', new: 'Stopping' },
  { event: 'OperationSucceeded', old: 'Stopping', new: 'Stopped' },
];

function recordDay(changed: Readonly<Record<number, Partial<Change>>> = {}) {
  return stateEvents(
    record(
      virtualMachine,
      day.map((change, index) => ({ ...change, ...changed[index] })),
    ),
  );
}

describe.each(
  [...machines, loadBalancer].map((lifecycle) => [lifecycle.resource, lifecycle] as const),
)('of a %s', (_, lifecycle) => {
  const checkOne = (events: readonly SignalboxEvent[], options?: TraceOptions) =>
    check(events, options, [lifecycle]);

  test('every lawful life is without fault, whole or met later, and each change is counted', () => {
    fc.assert(
      fc.property(lawfulLife(lifecycle), fc.nat(5), (changes, missed) => {
        const events = record(lifecycle, changes);
        const whole = checkOne(events, { complete: true });
        expect(whole.listed).toEqual([]);
        expect(whole.lawful).toBe(true);
        const counts = whole.lifecycles[0]?.transitions.map(({ count }) => count) ?? [];
        const moves = changes.filter((change) => change.old !== null && change.new !== null);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(moves.length);
        expect(checkOne(stateEvents(events).slice(missed)).listed).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('an event that is lost inside a life is a gap, wherever it is', () => {
    fc.assert(
      fc.property(lawfulLife(lifecycle), fc.nat(), (changes, pick) => {
        const events = stateEvents(record(lifecycle, changes));
        fc.pre(events.length >= 3);
        const lost = 1 + (pick % (events.length - 2));
        const report = checkOne(events.toSpliced(lost, 1));
        expect(report.faultCounts.REVISION_GAP).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  test('an event that comes twice in a row is a redelivery and no fault', () => {
    fc.assert(
      fc.property(lawfulLife(lifecycle), fc.nat(), (changes, pick) => {
        const events = stateEvents(record(lifecycle, changes));
        const at = pick % events.length;
        const twice = events.toSpliced(at, 0, ...events.slice(at, at + 1));
        const report = checkOne(twice, { complete: true });
        expect(report).toMatchObject({ listed: [], redeliveries: 1 });
      }),
      { numRuns: 60 },
    );
  });

  test('a change to any state the transition does not lead to is unlawful', () => {
    fc.assert(
      fc.property(lawfulLife(lifecycle), fc.nat(), fc.nat(), (changes, pick, where) => {
        fc.pre(changes.length >= 2);
        const at = 1 + (pick % (changes.length - 1));
        const { old, event } = changes[at] as Change;
        const targets = lifecycle.transitions
          .filter((transition) => transition.from === old && transition.event === event)
          .map(({ to }) => to);
        const wrong = lifecycle.states
          .map(({ name }) => name)
          .filter((name) => !targets.includes(name));
        const next = wrong[where % wrong.length];
        fc.pre(event !== 'Removed' && next !== undefined);
        const bent = changes.map((change, index) =>
          index === at ? { ...change, new: next } : change,
        );
        const report = checkOne(stateEvents(record(lifecycle, bent)).slice(0, at + 1));
        expect(report.listed.map(({ code }) => code)).toEqual(['UNLAWFUL_TRANSITION']);
      }),
      { numRuns: 60 },
    );
  });
});

describe('faults', () => {
  it('names what is not declared: resource type, state, event', () => {
    expect(codes(record({ resource: 'Cat', version: 1 }, day.slice(0, 1)))).toEqual([
      'UNKNOWN_RESOURCE_TYPE',
    ]);
    expect(codes(recordDay({ 2: { new: 'Runing' } }).slice(0, 3))).toEqual(['UNKNOWN_STATE']);
    expect(codes(recordDay({ 1: { event: 'StartRequest' } }))).toEqual(['UNKNOWN_EVENT']);
    const { listed } = check(recordDay({ 1: { event: 'StartRequest' } }));
    expect(listed[0]?.message).toContain('StartRequested');
  });

  it('leaves other resource types alone when told so, and counts them', () => {
    const events = record({ resource: 'Cat', version: 1 }, day.slice(0, 1));
    expect(check(events, { ignoreOthers: true })).toMatchObject({ lawful: true, ignored: 1 });
  });

  it('refuses a creation where nothing is created', () => {
    expect(codes(recordDay({ 0: { new: 'Error' } }).slice(0, 1))).toEqual(['UNLAWFUL_CREATION']);
  });

  it('tells a repeated revision and a step back, and goes on from the highest', () => {
    const first = recordDay();
    const again = first.map((event) => ({ ...event, id: `${event.id}-again` }));
    const events = [...first.slice(0, 3), again[2], again[1], ...first.slice(3)];
    expect(codes(events as SignalboxEvent[])).toEqual(['REVISION_REPEATED', 'REVISION_BACK']);
  });

  it('tells a chain that breaks between two lawful steps', () => {
    const events = recordDay({ 3: { old: 'Stopped', event: 'StartRequested', new: 'Starting' } });
    expect(codes(events.slice(0, 4))).toEqual(['CHAIN_BROKEN']);
  });

  it('tells what happens to a resource after its end', () => {
    const life = [
      { event: 'Created', old: null, new: 'Stopped' },
      { event: 'Removed', old: 'Stopped', new: null },
      { event: 'StartRequested', old: 'Stopped', new: 'Starting' },
    ];
    expect(codes(stateEvents(record(virtualMachine, life)))).toEqual(['CHAIN_BROKEN']);
  });

  it('tells a newer version, and any other one only when asked', () => {
    const newer = recordDay({ 4: { version: 2 } });
    expect(codes(newer)).toEqual(['LIFECYCLE_VERSION']);
    const next = { ...virtualMachine, version: 2 };
    expect(check(newer, {}, [next])).toMatchObject({
      lawful: true,
      lifecycles: [{ recordedVersions: { 1: 4, 2: 1 } }],
    });
    expect(check(newer, { exactVersion: true }, [next]).faultCounts).toEqual({
      LIFECYCLE_VERSION: 4,
    });
  });

  it('tells events whose parts contradict each other', () => {
    const [creation, start] = recordDay() as [SignalboxEvent, SignalboxEvent];
    const bent = [
      { ...start, subject: undefined },
      { ...start, revision: undefined },
      { ...start, type: 'StopRequested' },
      { ...start, time: '2026-02-31T25:00:00Z' },
      { ...start, data: { ...start.data, changed: false } },
      { ...creation, revision: 2 },
      { ...creation, data: { ...creation.data, new: null, changed: false } },
      { ...start, data: { ...start.data, new: null } },
    ] as SignalboxEvent[];
    expect(codes(bent)).toEqual(bent.map(() => 'EVENT_INCONSISTENT'));
  });

  it('counts what it does not list, and lists the first of each code', () => {
    const events = Array.from({ length: 5 }, () => recordDay({ 0: { new: 'Error' } }).slice(0, 1));
    const report = check(events.flat(), { maxFaults: 2 });
    expect(report).toMatchObject({ faults: 5, faultCounts: { UNLAWFUL_CREATION: 5 } });
    expect(report.listed).toHaveLength(2);
  });

  it('puts no control character of a name into a message', () => {
    const { listed } = check(recordDay({ 1: { event: '\u001b[31mStart' } }));
    expect(listed[0]?.message).not.toMatch(/\p{Cc}/u);
  });

  it('says what every code means, and so does the page', () => {
    for (const meaning of Object.values(traceFaults)) expect(meaning).toMatch(/^[A-Z].*\.$/);
    const page = readFileSync(
      resolve(import.meta.dirname, '../../../docs/trace-checking.md'),
      'utf8',
    );
    const documented = [...page.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code]) => code);
    expect(documented).toEqual(Object.keys(traceFaults));
  });
});

describe('dwell', () => {
  it('bears a deadline overstayed within the tolerance, and tells more', () => {
    const started = (after: number) => recordDay({ 2: { after } });
    expect(codes(started(31 * minute))).toEqual([]);
    expect(codes(started(31 * minute + 1))).toEqual(['DWELL_EXCEEDED']);
    expect(codes(started(31 * minute), { tolerance: 0 })).toEqual(['DWELL_EXCEEDED']);
  });

  it('counts from the entry, whatever happens within, unless the transition begins anew', () => {
    const retries = (event: string, state: string): readonly Change[] => [
      { event: 'Created', old: null, new: 'Stopped' },
      ...(state === 'Starting'
        ? [{ event: 'StartRequested', old: 'Stopped', new: 'Starting' }]
        : [{ event: 'StorageMigrationRequested', old: 'Stopped', new: 'Migrating' }]),
      ...Array.from({ length: 3 }, () => ({
        event,
        old: state,
        new: state,
        after: state === 'Starting' ? 20 * minute : 90 * minute,
      })),
    ];
    // A retry of a start has the whole time again; a migration asked for again has not.
    expect(
      codes(stateEvents(record(virtualMachine, retries('OperationRetry', 'Starting')))),
    ).toEqual([]);
    expect(
      codes(stateEvents(record(virtualMachine, retries('MigrationRequested', 'Migrating')))),
    ).toEqual(['DWELL_EXCEEDED']);
  });

  it('tells what is still there at the end, once', () => {
    const stuck = recordDay().slice(0, 2);
    const later = recordDay({ 0: { after: 60 * minute } }).slice(0, 1);
    const checking = traceCheck(machines);
    for (const event of [...stuck, ...later]) checking.add(event);
    for (const _ of [1, 2]) {
      expect(checking.report().listed).toMatchObject([{ code: 'DWELL_EXCEEDED', place: 'end' }]);
    }
  });

  it('holds a state to a bound of its own', () => {
    const events = recordDay({ 3: { after: 2 * minute } });
    expect(codes(events, { maxDwell: { Running: 2 * minute } })).toEqual([]);
    expect(codes(events, { maxDwell: { Running: minute } })).toEqual(['DWELL_EXCEEDED']);
    expect(codes(events, { maxDwell: { 'VirtualMachine.Running': minute } })).toEqual([
      'DWELL_EXCEEDED',
    ]);
  });

  it('does not count a stay whose beginning nobody saw', () => {
    const seen = recordDay({ 2: { after: 60 * minute } });
    expect(codes(seen.slice(2))).toEqual([]);
    expect(codes([...seen.slice(0, 1), ...seen.slice(2)])).toEqual(['REVISION_GAP']);
  });

  it('adds up stays', () => {
    const report = check(recordDay({ 3: { after: 3000 } }));
    expect(report.lifecycles[0]?.states.filter(({ stays }) => stays > 0)).toEqual([
      { state: 'Stopped', stays: 1, average: 1000, longest: 1000 },
      { state: 'Starting', stays: 1, average: 1000, longest: 1000 },
      { state: 'Running', stays: 1, average: 3000, longest: 3000 },
      { state: 'Stopping', stays: 1, average: 1000, longest: 1000 },
    ]);
  });
});

describe('bad input', () => {
  it.each([
    [
      'two lifecycles of one resource',
      () => traceCheck([volume, volume]),
      /two lifecycles of Volume/,
    ],
    [
      'a bound on a state that no lifecycle has',
      () => traceCheck([snapshot], { maxDwell: { CreatedOnPrimry: 1 } }),
      /Did you mean 'CreatedOnPrimary'/,
    ],
    ['a tolerance below 0', () => traceCheck([volume], { tolerance: -1 }), /tolerance is -1/],
  ])('refuses %s', (_, begin, message) => {
    expect(begin).toThrow(message);
  });
});
