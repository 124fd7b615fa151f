import { merge, type Mentions, type Moment, type Predicate } from './predicate.js';

/**
 * A rule that every path must keep, as a watcher of moments: it is in one of a few modes, moves with
 * each moment, and is broken when a moment may not be. Make rules with `always`, `never`, `eventually`,
 * `after` and `before`.
 */
export interface Rule {
  readonly mentions: Mentions;
  /** How many modes there are; they are numbered from 0, the mode before the creation. */
  readonly modes: number;
  /** The mode after a moment; `broken` when the rule forbids it. */
  next(mode: number, moment: Moment): number | 'broken';
  /** Whether something is owed in this mode: no path may stay owing for ever. */
  owes(mode: number): boolean;
  /** Whether a path that could pay and goes round for ever instead keeps the rule. */
  readonly fair: boolean;
}

/** Mode of a rule that a moment broke. */
export const broken = 'broken';

/** How patient a rule is that demands something to happen. */
export interface EventuallyOptions {
  /**
   * True: broken only where what is owed has become impossible; whoever goes round in a cycle with a
   * way out is trusted to take it once. False: broken also by a cycle that never pays. Default true,
   * because most lifecycles let a request be repeated for ever.
   */
  readonly fair?: boolean;
}

/** Pure. It holds at every moment of every path, the creation included. */
export function always(predicate: Predicate): Rule {
  return safety([predicate], 1, (mode, moment) => (predicate(moment) ? mode : broken));
}

/** Pure. It holds at no moment of any path. */
export function never(predicate: Predicate): Rule {
  return safety([predicate], 1, (mode, moment) => (predicate(moment) ? broken : mode));
}

/** Pure. It comes to hold on every path. */
export function eventually(predicate: Predicate, { fair = true }: EventuallyOptions = {}): Rule {
  return {
    mentions: merge([predicate]),
    modes: 2,
    next: (mode, moment) => (mode === 1 || predicate(moment) ? 1 : 0),
    owes: (mode) => mode === 0,
    fair,
  };
}

/** Builder of a rule about the time after a moment. */
export interface AfterScope {
  /** Each time, it comes to hold at a later moment on every path. */
  eventually(predicate: Predicate, options?: EventuallyOptions): Rule;
  /** From the next moment on it holds for ever. */
  always(predicate: Predicate): Rule;
  /** From the next moment on it never holds. */
  never(predicate: Predicate): Rule;
  /**
   * Ends the stretch. By itself a rule: each time, `end` comes on every path. Its methods rule over
   * the moments in between, whether or not the end comes.
   */
  until(end: Predicate, options?: EventuallyOptions): UntilScope;
}

/**
 * Builder of a rule about the time between two moments; as it is, the rule that the second follows the
 * first.
 */
export interface UntilScope extends Rule {
  /** It holds at every moment between the two, neither of them included. */
  always(predicate: Predicate): Rule;
  /** It holds at no moment between the two, neither of them included. */
  never(predicate: Predicate): Rule;
}

/**
 * Pure. What must hold after each moment at which `begin` holds.
 *
 * @example
 * ```ts
 * after(announces('VM.START')).eventually(announces('VM.STOP'));
 * after(entering('Migrating')).until(leaving('Migrating')).never(announces('VM.STOP'));
 * ```
 */
export function after(begin: Predicate): AfterScope {
  // Mode 1: something has begun. Absorbing, for there is no end.
  const onward = (predicate: Predicate, expected: boolean): Rule =>
    safety([begin, predicate], 2, (mode, moment) => {
      if (mode === 1 && predicate(moment) !== expected) return broken;
      return mode === 1 || begin(moment) ? 1 : 0;
    });
  const answered = (end: Predicate, { fair = true }: EventuallyOptions = {}): Rule => ({
    mentions: merge([begin, end]),
    modes: 2,
    next: (mode, moment) => {
      if (begin(moment)) return 1;
      return mode === 1 && !end(moment) ? 1 : 0;
    },
    owes: (mode) => mode === 1,
    fair,
  });
  const between = (end: Predicate, predicate: Predicate, expected: boolean): Rule =>
    safety([begin, end, predicate], 2, (mode, moment) => {
      const ends = mode === 1 && end(moment);
      const begins = begin(moment);
      if (mode === 1 && !ends && !begins && predicate(moment) !== expected) return broken;
      return begins || (mode === 1 && !ends) ? 1 : 0;
    });
  return {
    eventually: answered,
    always: (predicate) => onward(predicate, true),
    never: (predicate) => onward(predicate, false),
    until: (end, options) => ({
      ...answered(end, options),
      always: (predicate) => between(end, predicate, true),
      never: (predicate) => between(end, predicate, false),
    }),
  };
}

/** Builder of a rule about the time before a moment. */
export interface BeforeScope {
  /** It holds at every moment before. */
  always(predicate: Predicate): Rule;
  /** It holds at no moment before. */
  never(predicate: Predicate): Rule;
}

/**
 * Pure. What must hold before the first moment at which `end` holds, that moment not included, and on
 * paths without such a moment throughout.
 *
 * @example
 * ```ts
 * before(announces('VM.CREATE')).never(announces('VM.START'));
 * ```
 */
export function before(end: Predicate): BeforeScope {
  const until = (predicate: Predicate, expected: boolean): Rule =>
    safety([end, predicate], 2, (mode, moment) => {
      if (mode === 1 || end(moment)) return 1;
      return predicate(moment) === expected ? 0 : broken;
    });
  return {
    always: (predicate) => until(predicate, true),
    never: (predicate) => until(predicate, false),
  };
}

function safety(predicates: readonly Predicate[], modes: number, next: Rule['next']): Rule {
  return { mentions: merge(predicates), modes, next, owes: () => false, fair: true };
}
