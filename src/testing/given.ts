import { ConfigurationError } from '../core/errors/errors.js';
import { nearestName } from '../core/errors/nearest-name.js';
import type { AnyLifecycle, ContextOf, EventOf, StateOf } from '../core/lifecycle/lifecycle.js';
import type { EventInput } from '../core/lifecycle/position.js';
import { type Duration, millisecondsOf } from './duration.js';
import type { ExpectedEffect } from './effect-match.js';
import { ExpectationError } from './expectation-error.js';
import {
  type ExpectedDeadline,
  expectDeadline,
  expectEffects,
  expectLawful,
  expectRefusal,
  expectState,
  type Result,
} from './expectations.js';
import { enter, type Happened, pass, type Scenario, send } from './scenario.js';

/** Why an event can be refused. */
export type RefusalCode = 'EVENT_NOT_LAWFUL' | 'GUARD_REFUSED' | 'UNKNOWN_EVENT';

/**
 * Begins a test of one rule of a lifecycle, in isolation: no database, no broker, no clock. Pure, but
 * that lifecycle coverage counts what is done. The deadlines of the state run from here on.
 *
 * Works in every test runner: an expectation that is not met throws an `ExpectationError`, which they
 * know as a failed assertion. Each step returns a new object, so that several tests can share one
 * beginning.
 *
 * @param state Where the resource is. Throws ConfigurationError UNKNOWN_STATE for any other name.
 * @param context What guards read. Default `{}`, as for an entity that projects none.
 * @param remembered The state that a history state returns to, as the row holds it. Default null: none.
 *
 * @example
 * ```ts
 * given(volume, 'Ready').when('AttachRequested').then('Attaching').arms({ minutes: 15 });
 * given(volume, 'Resizing').when('AttachRequested').refuses('EVENT_NOT_LAWFUL');
 * given(virtualMachine, 'Expunging').after({ hours: 1 }).then('Error');
 * ```
 */
export function given<L extends AnyLifecycle>(
  lifecycle: L,
  state: StateOf<L>,
  context?: ContextOf<L>,
  remembered: string | null = null,
): Given<L> {
  assertState(lifecycle, state);
  return new Given(enter(lifecycle, state, context ?? {}, remembered));
}

/** A resource in a known state, to which something is about to happen. Immutable. */
export class Given<L extends AnyLifecycle> {
  readonly #scenario: Scenario;

  /** @internal Use `given`. */
  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  /**
   * Sends an event; an object when guards look at more than its name. Say next what comes of it:
   * `then(…)` or `refuses(…)`. Throws only what a guard throws.
   */
  when(event: EventInput<EventOf<L>>): Attempt<L> {
    const tried = typeof event === 'string' ? event : event.type;
    return new Attempt(this.#scenario, tried, send(this.#scenario, event));
  }

  /**
   * Lets virtual time pass: every deadline that comes due fires, in order. Takes no real time. Say next
   * where the resource is: `then(…)`. Throws RangeError for a negative duration.
   */
  after(duration: Duration): Attempt<L> {
    return new Attempt(this.#scenario, 'time', pass(this.#scenario, millisecondsOf(duration)));
  }

  /** The same resource with other values for guards to read: its own columns have changed. */
  withContext(context: ContextOf<L>): Given<L> {
    return new Given({ ...this.#scenario, context });
  }
}

/** Something was tried on a resource. Say what comes of it: until then nothing is checked. */
export class Attempt<L extends AnyLifecycle> {
  readonly #before: Scenario;
  readonly #tried: string;
  readonly #result: Result;

  /** @internal Use `given(…).when(…)`. */
  constructor(before: Scenario, tried: string, result: Result) {
    this.#before = before;
    this.#tried = tried;
    this.#result = result;
  }

  /** Expects that it was lawful, and the state it leads to: the same as before if it moves nothing. */
  // oxlint-disable-next-line unicorn/no-thenable -- given, when, then; see below for what awaiting does
  then(state: StateOf<L>): Arrival<L> {
    // Awaiting an attempt calls this with two functions: it says nothing of what is expected.
    if (typeof state === 'function') throw unfinished(this.#before, this.#tried);
    const wanted = { operator: 'then', expected: state };
    const happened = expectLawful(this.#before, this.#tried, this.#result, wanted);
    expectState(happened.scenario, state);
    return new Arrival(happened);
  }

  /** Expects that the event is refused for this reason. The resource stays where it was. */
  refuses(code: RefusalCode): Given<L> {
    expectRefusal(this.#before, this.#tried, this.#result, code);
    return new Given(this.#before);
  }
}

/** A resource after a lawful step: say what else the step did, or go on from here. */
export class Arrival<L extends AnyLifecycle> extends Given<L> {
  readonly #happened: Happened;

  /** @internal Use `given(…).when(…).then(…)`. */
  constructor(happened: Happened) {
    super(happened.scenario);
    this.#happened = happened;
  }

  /** Expects that each of these is announced besides the state change; others may be too. */
  announces(...effects: readonly [ExpectedEffect, ...ExpectedEffect[]]): this {
    const how = { operator: 'announces', only: false };
    expectEffects(this.#happened, effects, how);
    return this;
  }

  /** Expects that these are announced besides the state change, and nothing else. */
  announcesOnly(...effects: readonly [ExpectedEffect, ...ExpectedEffect[]]): this {
    const how = { operator: 'announcesOnly', only: true };
    expectEffects(this.#happened, effects, how);
    return this;
  }

  /** Expects that nothing but the state change is announced. */
  announcesNothing(): this {
    const how = { operator: 'announcesNothing', only: true };
    expectEffects(this.#happened, [], how);
    return this;
  }

  /** Expects that a deadline was armed, or armed anew: by its id, or by how long it runs. */
  arms(deadline: ExpectedDeadline): this {
    expectDeadline(this.#happened, 'arms', deadline);
    return this;
  }

  /** Expects that a deadline was cancelled: by its id, or by how long it ran. */
  cancels(deadline: ExpectedDeadline): this {
    expectDeadline(this.#happened, 'cancels', deadline);
    return this;
  }
}

function unfinished({ trail }: Scenario, tried: string): ExpectationError {
  return new ExpectationError(
    `${trail}: nothing is expected of ${tried}. Say then(…) or refuses(…).`,
    { expected: 'an expectation', actual: 'none', operator: 'then' },
  );
}

function assertState({ resource, states }: AnyLifecycle, state: string): void {
  const names = states.map(({ name }) => name);
  if (names.includes(state)) return;
  const near = nearestName(state, names);
  throw new ConfigurationError(
    'UNKNOWN_STATE',
    `${resource} has no state '${state}'. ` +
      (near === undefined ? `Its states are ${names.join(', ')}.` : `Did you mean '${near}'?`),
    { parameters: { resource, state } },
  );
}
