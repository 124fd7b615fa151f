import { describe, expect, it } from 'vitest';
import { machines, volume } from '../../../machines/index.js';
import { diffDiagram } from '../../../src/tools/diagram/diff-diagram.js';
import { diffMarkdown, diffText } from '../../../src/tools/diagram/diff-report.js';
import { diffLifecycles, type LifecycleDiff } from '../../../src/tools/diagram/lifecycle-diff.js';
import {
  describeLifecycle,
  type LifecycleDescription,
} from '../../../src/core/lifecycle/describe-lifecycle.js';

const before = describeLifecycle(volume);
type Transition = LifecycleDescription['transitions'][number];

/** Version 2 of the volume, with changes. */
function next(changes: Partial<LifecycleDescription>): LifecycleDiff {
  return diffLifecycles(before, { ...before, version: 2, ...changes });
}

function withTransitions(change: (one: Transition) => readonly Transition[]): LifecycleDiff {
  return next({ transitions: before.transitions.flatMap(change) });
}

type Deadline = LifecycleDescription['deadlines'][number];

function withDeadlines(change: (one: Deadline) => readonly Deadline[]): LifecycleDiff {
  return next({ deadlines: before.deadlines.flatMap(change) });
}

/** With another delay of a state's only deadline, wherever its id stands. */
function withDelay(state: string, after: number): LifecycleDiff {
  const id = before.deadlines.find((one) => one.state === state)?.id ?? '';
  const renamed = JSON.stringify(before).replaceAll(`"${id}"`, `"${state}/${after}"`);
  const { deadlines, ...rest } = JSON.parse(renamed) as LifecycleDescription;
  const changed = deadlines.map((one) => (one.state === state ? { ...one, after } : one));
  return next({ ...rest, version: 2, deadlines: changed });
}

function withState(
  name: string,
  change: Partial<LifecycleDescription['states'][number]>,
): LifecycleDiff {
  return next({
    states: before.states.map((state) => (state.name === name ? { ...state, ...change } : state)),
  });
}

const isAttach = ({ from, event }: Transition): boolean =>
  from === 'Ready' && event === 'AttachRequested';

describe('the difference of two versions', () => {
  it.each(machines.map((machine) => [machine.resource, describeLifecycle(machine)] as const))(
    'is none for the same lifecycle: %s',
    (_, description) => {
      const diff = diffLifecycles(description, structuredClone(description));
      expect(diff).toMatchObject({ class: 'compatible', changes: [] });
    },
  );

  it('is breaking when the version stays and anything else changed', () => {
    const diff = diffLifecycles(before, {
      ...before,
      initialStates: [...before.initialStates, 'Ready'],
    });
    expect(diff.class).toBe('breaking');
    expect(diff.changes[0]).toMatchObject({ part: 'version', name: 'Volume' });
  });

  const cases: readonly (readonly [string, LifecycleDiff, object])[] = [
    [
      'compatible when a state takes one more event',
      next({
        transitions: [
          ...before.transitions,
          { from: 'Uploaded', event: 'CreateRequested', to: 'Creating', effects: [] },
        ],
      }),
      {
        class: 'compatible',
        part: 'transition',
        change: 'added',
        name: 'Uploaded / CreateRequested',
      },
    ],
    [
      'breaking when a state takes an event no more',
      withTransitions((one) => (isAttach(one) ? [] : [one])),
      { class: 'breaking', part: 'transition', change: 'removed', name: 'Ready / AttachRequested' },
    ],
    [
      'breaking when an event leads elsewhere',
      withTransitions((one) => [isAttach(one) ? { ...one, to: 'Migrating' } : one]),
      { class: 'breaking', part: 'transition', change: 'changed', name: 'Ready / AttachRequested' },
    ],
    [
      'breaking when a transition gets a guard',
      withTransitions((one) => [isAttach(one) ? { ...one, guard: 'isSmall' } : one]),
      { class: 'breaking', part: 'transition', change: 'changed', name: 'Ready / AttachRequested' },
    ],
    [
      'breaking when a transition announces something no more',
      withTransitions((one) => [
        { ...one, effects: one.event === 'MigrationCopySucceeded' ? [] : one.effects },
      ]),
      {
        class: 'breaking',
        part: 'transition',
        change: 'changed',
        name: 'Creating / MigrationCopySucceeded',
      },
    ],
    [
      'compatible when a transition announces something more',
      withTransitions((one) => [
        isAttach(one) ? { ...one, effects: [{ category: 'AlertEvent', type: 'A' }] } : one,
      ]),
      {
        class: 'compatible',
        part: 'transition',
        change: 'changed',
        name: 'Ready / AttachRequested',
      },
    ],
    [
      'a migration when a deadline changes',
      withDelay('Creating', 1),
      { class: 'migration', part: 'deadline', change: 'changed', name: 'Creating' },
    ],
    [
      'a migration when a deadline is added',
      next({
        deadlines: [
          ...before.deadlines,
          {
            id: 'Ready/1000',
            state: 'Ready',
            after: 1000,
            alert: { category: 'AlertEvent', type: 'A' },
          },
        ],
      }),
      { class: 'migration', part: 'deadline', change: 'added', name: 'Ready' },
    ],
    [
      'breaking when the alert of a deadline changes',
      withDeadlines((one) => [
        one.state === 'Creating'
          ? { ...one, alert: { category: 'AlertEvent', type: 'ALERT.OTHER' } }
          : one,
      ]),
      { class: 'breaking', part: 'deadline', change: 'changed', name: 'Creating' },
    ],
    [
      'compatible when tags change',
      withState('Ready', { tags: ['stable', 'attachable'] }),
      { class: 'compatible', part: 'state', change: 'changed', name: 'Ready' },
    ],
    [
      'breaking when nothing can be created in a state any more',
      next({ initialStates: ['Allocated'] }),
      { class: 'breaking', part: 'creation', change: 'removed', name: 'NotUploaded' },
    ],
  ];
  it.each(cases)('is %s', (_, diff, change) => {
    expect(diff.changes).toHaveLength(1);
    expect(diff.changes[0]).toMatchObject(change);
    expect(diff.class).toBe(diff.changes[0]?.class);
  });

  it('tells a deadline that is removed, compatible by itself', () => {
    expect(withDeadlines((one) => (one.state === 'Creating' ? [] : [one])).changes).toContainEqual(
      expect.objectContaining({ class: 'compatible', part: 'deadline', change: 'removed' }),
    );
  });

  it('is a migration when a state is gone, whatever left it', () => {
    const gone = 'UploadAbandoned';
    const diff = next({
      states: before.states.filter(({ name }) => name !== gone),
      transitions: before.transitions.filter(({ from }) => from !== gone),
    });
    expect(diff.class).toBe('migration');
    expect(diff.changes).toHaveLength(1);
  });
});

describe('a difference that is shown', () => {
  const diff = withTransitions((one) =>
    isAttach(one) ? [{ ...one, event: 'PlugRequested' }] : [one],
  );

  it('is drawn with what is gone and what is new', async () => {
    const text = await diffDiagram(diff, 'mermaid');
    expect(text).toContain('#8722; AttachRequested');
    expect(text).toContain('#43; PlugRequested');
    expect(text).not.toContain('#43; SnapshotRequested');
    expect(await diffDiagram(diff, 'svg')).toContain('PlugRequested');
  });

  it('tells a deadline that moves by its time, as the picture of the lifecycle does', async () => {
    const text = await diffDiagram(diff, 'mermaid');
    expect(text).toContain('OperationFailed<br/>after 1 h');
    expect(text).not.toContain('DeadlineExceeded');
  });

  it('is told with the gravest first, in text and in Markdown', () => {
    for (const text of [diffText(diff), diffMarkdown(diff)]) {
      expect(text.indexOf('Breaking')).toBeGreaterThan(0);
      expect(text.indexOf('Compatible')).toBeGreaterThan(text.indexOf('Breaking'));
      expect(text).toContain('PlugRequested');
    }
  });
});
