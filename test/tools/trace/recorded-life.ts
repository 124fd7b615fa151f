import fc from 'fast-check';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import {
  deadlineExceeded,
  type AnyLifecycle,
  type Effect,
} from '../../../src/core/lifecycle/lifecycle.js';
import {
  announceChange,
  created,
  removed,
} from '../../../src/core/planning/transition-announcements.js';

/** One state change of a life, as it is announced. */
export interface Change {
  readonly event: string;
  readonly deadline?: string;
  readonly old: string | null;
  readonly new: string | null;
  readonly effects?: readonly Effect[];
  /** Milliseconds since the change before. Default 1000. */
  readonly after?: number;
  readonly version?: number;
}

let ids = 0;

/** A uuid that differs from every other. */
export function anyUuid(): string {
  ids += 1;
  return `00000000-0000-7000-8000-${String(ids).padStart(12, '0')}`;
}

/** The events of a life, effects included, as the store announces them. */
export function record(
  lifecycle: Pick<AnyLifecycle, 'resource' | 'version'>,
  changes: readonly Change[],
  uuid: string = anyUuid(),
): readonly SignalboxEvent[] {
  let at = Date.parse('2026-01-01T00:00:00.000Z');
  return changes.flatMap((change, index) => {
    at += change.after ?? 1000;
    return announceChange(
      { resource: lifecycle.resource, uuid, revision: index + 1 },
      {
        event: change.event,
        ...(change.deadline === undefined ? {} : { deadline: change.deadline }),
        old: change.old,
        new: change.new,
        lifecycleVersion: change.version ?? lifecycle.version,
        changed: change.old !== change.new,
      },
      {
        effects: change.effects ?? [],
        origin: { source: 'test', time: new Date(at).toISOString() },
        nextId: anyUuid,
      },
    ).map(({ payload }) => JSON.parse(payload) as SignalboxEvent);
  });
}

/** Only the state events, whose index is their revision less one. */
export function stateEvents(events: readonly SignalboxEvent[]): readonly SignalboxEvent[] {
  return events.filter(({ category }) => category === 'ResourceStateEvent');
}

/** Lives that a lifecycle allows: created in any creation state, by any transition, removed or not. */
export function lawfulLife(lifecycle: AnyLifecycle): fc.Arbitrary<readonly Change[]> {
  return fc
    .record({
      creation: fc.nat(),
      picks: fc.array(fc.nat(), { maxLength: 30 }),
      ends: fc.boolean(),
    })
    .map(({ creation, picks, ends }) => walk(lifecycle, creation, picks, ends));
}

function walk(
  lifecycle: AnyLifecycle,
  creation: number,
  picks: readonly number[],
  ends: boolean,
): readonly Change[] {
  let state =
    lifecycle.initialStates[creation % lifecycle.initialStates.length] ?? lifecycle.initial;
  const born = lifecycle.table.creations.get(state);
  const changes: Change[] = [
    { event: created, old: null, new: state, effects: born?.effects ?? [] },
  ];
  for (const pick of picks) {
    const from = state;
    const open = lifecycle.transitions.filter((transition) => transition.from === from);
    const taken = open[pick % open.length];
    if (taken === undefined) break;
    const { event, to, effects } = taken;
    const due = lifecycle.table.armed.get(from)?.[0]?.after ?? 0;
    // A timeout is late by the sweeper's delay; all else is quick.
    const after = event === deadlineExceeded ? due + 5000 : 1;
    changes.push({ event, old: from, new: to, effects, after });
    state = to;
  }
  if (ends) changes.push({ event: removed, old: state, new: null });
  return changes;
}
