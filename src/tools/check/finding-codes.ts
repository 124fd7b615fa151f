/** How much a finding weighs: errors fail a build, warnings ask for a look. */
export type Severity = 'error' | 'warning';

interface FindingKind {
  readonly severity: Severity;
  /** The problem, in a few words. */
  readonly title: string;
  /** Its consequence. */
  readonly why: string;
  readonly remedy: string;
}

/**
 * Every code that a finding can carry, with its weight, why it matters and how to mend it.
 * `docs/checking.md` lists them; a test holds the two together.
 */
export const findingKinds = {
  DEFINITION_REFUSED: {
    severity: 'error',
    title: 'A lifecycle that defineLifecycle refuses',
    why: 'The program that defines it does not start.',
    remedy: 'Mend the declaration; docs/errors.md has the code of the fault.',
  },
  UNREACHABLE_STATE: {
    severity: 'error',
    title: 'A state that no path reaches',
    why: 'Code that waits for it waits for ever, and what it was to protect is not protected.',
    remedy: 'Add the transition that leads to it, name it as an initial state, or remove it.',
  },
  DEAD_END: {
    severity: 'error',
    title: 'A state that is not final and that nothing leaves',
    why: 'A resource that comes here stays for ever, and nobody said that this is its end.',
    remedy: 'Declare it final, or add the transition that leaves it.',
  },
  NO_FINAL_STATE: {
    severity: 'warning',
    title: 'A lifecycle without an end',
    why: 'No resource of this type is ever over: rows and meters pile up, and no event says that nothing is left of it.',
    remedy: 'Declare the state in which nothing is left as final.',
  },
  LIVELOCK: {
    severity: 'error',
    title: 'Transitional states that lead only to each other',
    why: 'A resource that comes here moves on and never comes to rest in a stable or final state.',
    remedy: 'Add a transition from one of them to a stable or final state.',
  },
  NO_FAILURE_EXIT: {
    severity: 'error',
    title: 'A transitional state without an exit for failure',
    why: 'Work that fails leaves the resource where it is, and success is its only way out.',
    remedy: 'Add a transition for failure, or a deadline that moves it.',
  },
  NO_DEADLINE: {
    severity: 'error',
    title: 'A transitional state without a deadline',
    why: 'A worker that is lost leaves the resource here for ever, unseen.',
    remedy:
      'Add a deadline (after: { <milliseconds>: … }): with a target it moves, without one it raises an alert.',
  },
  FAILURE_EVENT_NOT_TAKEN: {
    severity: 'warning',
    title: 'A transitional state that refuses the failure event of the others',
    why: 'A worker that reports every failure the same way is refused here, and the resource stays.',
    remedy: 'Take the event here too, or suppress this with the reason why nothing sends it.',
  },
  GUARDS_OVERLAP: {
    severity: 'warning',
    title: 'Guards of one event that can hold together',
    why: 'Where both hold, the order of the declaration decides: somebody who sorts the list changes what happens.',
    remedy: 'Make the guards exclude each other, or let the later be the plain default.',
  },
  GUARD_NEVER_HOLDS: {
    severity: 'error',
    title: 'A guard that contradicts itself',
    why: 'The transition is never taken, whatever the context.',
    remedy: 'Correct the guard, or remove the transition.',
  },
  NEVER_TAKEN: {
    severity: 'error',
    title: 'A declared transition that is never taken',
    why: 'An earlier candidate of the event is always taken before it, or nothing raises its event: it only seems to be handled.',
    remedy: 'Put it before the one that hides it, correct the guards, or remove it.',
  },
  EVENT_NOT_TAKEN: {
    severity: 'warning',
    title: 'An event that no state takes',
    why: 'Whoever sends it is refused in every state.',
    remedy: 'Add the transition that takes it, or remove the event.',
  },
  SAME_ROUTING_KEY: {
    severity: 'error',
    title: 'Two names with one routing key',
    why: 'A dot is written as a hyphen in a routing key: whoever binds to one gets the other too, and a catalog has one channel for both.',
    remedy: 'Rename one of them.',
  },
  ANNOUNCES_NOTHING: {
    severity: 'error',
    title: 'A transition that announces nothing',
    why: 'Subscribers go on believing in a state that has been left.',
    remedy: 'Announce the state change, or at least one event.',
  },
  UNKNOWN_EVENT_TYPE: {
    severity: 'error',
    title: 'An effect with an event type that nobody knows',
    why: 'No subscription names it, and announcing it is refused, so that the transition fails.',
    remedy:
      'Correct the spelling, or export a check with your own types: defineCheck(lifecycle, { eventTypes }).',
  },
  METER_LEFT_OPEN: {
    severity: 'error',
    title: 'A usage meter that goes on where it must have stopped',
    why: 'The customer goes on paying for what is no longer there.',
    remedy: 'Announce the stop event on this transition.',
  },
  METER_NOT_OPEN: {
    severity: 'error',
    title: 'A usage meter that stands still where it must run',
    why: 'What is used is never paid for.',
    remedy: 'Announce the start event on this transition.',
  },
  METER_STARTED_TWICE: {
    severity: 'error',
    title: 'A usage meter that is started while it runs',
    why: 'The use is counted twice, or the first period never ends.',
    remedy: 'Announce the start once, or the stop that is missing on the way.',
  },
  METER_STOPPED_TWICE: {
    severity: 'error',
    title: 'A usage meter that is stopped while it stands still',
    why: 'The bill has an end without a beginning.',
    remedy: 'Announce the stop once, or the start that is missing on the way.',
  },
  RULE_BROKEN: {
    severity: 'error',
    title: 'A rule of yours that a path breaks',
    why: 'The lifecycle allows what the rule forbids, or can fail to do what it demands.',
    remedy: 'Follow the trace and change the transition that should not be lawful, or the rule.',
  },
  SUPPRESSION_UNUSED: {
    severity: 'warning',
    title: 'A suppression that suppresses nothing',
    why: 'What it excused is mended, or has moved; left standing it would hide the next one.',
    remedy: 'Remove it, or correct its place.',
  },
} as const satisfies Record<string, FindingKind>;

/** A stable, machine-readable code of a finding. */
export type FindingCode = keyof typeof findingKinds;
