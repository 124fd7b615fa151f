import type { EventTypes } from '../../core/events/event-types.js';
import type { Meter } from './meter.js';
import type { Rule } from './rule.js';
import type { Suppression } from './suppression.js';

/** Options of a check: meters, rules and settings. */
export interface CheckOptions {
  /** Your own invariants and temporal rules, by the names that findings give them. Default: none. */
  readonly rules?: Readonly<Record<string, Rule>>;
  /** Usage meters that must be conserved. Default: none. */
  readonly meters?: readonly Meter[];
  /** Findings that are accepted, each with its reason. Default: none. */
  readonly suppressions?: readonly Suppression[];
  /**
   * The event types that effects may have: what `defineEventTypes` returned, or `cloudStackEventTypes`.
   * Default: any.
   */
  readonly eventTypes?: EventTypes;
  /**
   * Events that report failed work. When given, one of them or a deadline must lead out of each
   * transitional state. Default: events whose name says so (Fail, Error, Timeout, Abort, Cancel,
   * Reject), and two different ways out are enough.
   */
  readonly failureEvents?: readonly string[];
}
