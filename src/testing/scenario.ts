import type { Refusal } from '../core/errors/errors.js';
import { durationText } from '../core/lifecycle/duration-text.js';
import {
  triggerOf,
  type AnyLifecycle,
  type Effect,
  type LifecycleEvent,
} from '../core/lifecycle/lifecycle.js';
import { rememberedAfter, type Remembered } from '../core/lifecycle/remembered.js';
import { type ArmedDeadline, deadlinesOnEntry, firstDue, rearmed } from './armed-deadlines.js';
import { observedDeadline, observedStep } from './observed-step.js';

/** A resource in a test: where it is, on virtual time. Immutable. */
export interface Scenario {
  readonly lifecycle: AnyLifecycle;
  readonly state: string;
  /** Context that guards read. */
  readonly context: unknown;
  /** The state that history states return to. */
  readonly remembered: Remembered;
  /** Virtual milliseconds since the scenario began. */
  readonly now: number;
  readonly armed: readonly ArmedDeadline[];
  /** How it came here, for messages: `Ready, AttachRequested -> Attaching`. */
  readonly trail: string;
}

/** Outcome of a scenario. */
export interface Happened {
  readonly scenario: Scenario;
  /** In the order of announcement, the alerts of deadlines included. */
  readonly effects: readonly Effect[];
  /** Ids of the deadlines it armed. */
  readonly arms: readonly string[];
  /** Ids of the deadlines it cancelled. */
  readonly cancels: readonly string[];
}

/** A resource that has just entered a state. Pure. */
export function enter(
  lifecycle: AnyLifecycle,
  state: string,
  context: unknown,
  remembered: Remembered = null,
): Scenario {
  const armed = deadlinesOnEntry(lifecycle, state, 0);
  const trail = `${lifecycle.resource} in ${state}`;
  return { lifecycle, state, context, remembered, now: 0, armed, trail };
}

/** Sends an event. Pure but for lifecycle coverage; throws only what a guard throws. */
export function send(
  scenario: Scenario,
  event: string | LifecycleEvent,
): Happened | readonly Refusal[] {
  const { lifecycle, state, context, remembered, now, armed, trail } = scenario;
  const result = observedStep(lifecycle, { state, context, remembered }, event);
  if (!result.lawful) return result.refusals;
  const type = typeof event === 'string' ? event : event.type;
  return {
    scenario: {
      ...scenario,
      state: result.next,
      remembered: rememberedAfter(lifecycle.table.histories, remembered, result),
      armed: rearmed(armed, result, now),
      trail: `${trail}, ${type} -> ${result.next}`,
    },
    effects: result.effects,
    arms: result.arms.map(({ id }) => id),
    cancels: result.cancels,
  };
}

/**
 * Lets virtual time pass: every deadline that is due fires in order, those armed on the way included.
 * Pure but for lifecycle coverage; throws only what a guard throws.
 */
export function pass(start: Scenario, milliseconds: number): Happened {
  const until = start.now + milliseconds;
  let happened: Happened = {
    scenario: { ...start, trail: `${start.trail}, after ${durationText(milliseconds)}` },
    effects: [],
    arms: [],
    cancels: [],
  };
  for (
    let due = firstDue(happened.scenario.armed, until);
    due !== undefined;
    due = firstDue(happened.scenario.armed, until)
  ) {
    happened = fire(happened, due);
  }
  return { ...happened, scenario: { ...happened.scenario, now: until } };
}

/** Lets one deadline pass now, whether or not it is due and whichever else run. */
export function fireNow(scenario: Scenario, id: string): Happened {
  const nothing = { scenario, effects: [], arms: [], cancels: [] };
  return fire(nothing, { id, due: scenario.now });
}

function fire({ scenario, effects, arms, cancels }: Happened, due: ArmedDeadline): Happened {
  const { lifecycle, state, context, remembered } = scenario;
  const others = scenario.armed.filter(({ id }) => id !== due.id);
  const result = observedDeadline(lifecycle, { state, context, remembered }, due.id);
  const at = { ...scenario, now: due.due, armed: others };
  if (!result.lawful) return { scenario: at, effects, arms, cancels };
  const { deadline, row } = result;
  const told = [...effects, deadline.alert];
  if (row === undefined) return { scenario: at, effects: told, arms, cancels };
  return {
    scenario: {
      ...at,
      state: row.next,
      remembered: rememberedAfter(lifecycle.table.histories, remembered, row),
      armed: rearmed(others, row, due.due),
      trail: `${scenario.trail}, ${triggerOf(row)} -> ${row.next}`,
    },
    effects: [...told, ...row.effects],
    arms: [...arms, ...row.arms.map(({ id }) => id)],
    cancels: [...cancels, ...row.cancels],
  };
}
