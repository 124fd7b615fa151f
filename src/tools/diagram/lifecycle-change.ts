/**
 * Class of a change, by what it asks of an operator.
 *
 * - `compatible`: whoever worked with the old version works with the new one.
 * - `migration`: rows that the old version wrote must be looked at before the new one runs.
 * - `breaking`: what was lawful or announced no longer is; callers or subscribers must change.
 */
export type ChangeClass = 'compatible' | 'migration' | 'breaking';

/** One difference between two versions of a lifecycle. */
export interface LifecycleChange {
  readonly class: ChangeClass;
  readonly part: 'version' | 'creation' | 'state' | 'deadline' | 'event' | 'transition';
  readonly change: 'added' | 'removed' | 'changed';
  /** The state, the event, or `from / event` of a transition; a timeout has its deadline behind it. */
  readonly name: string;
  /** The change and its consequence, in one sentence. */
  readonly message: string;
}
