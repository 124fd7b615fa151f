import { ConfigurationError } from '../../core/errors/errors.js';
import { revisionGap, type RevisionGap, type TrackedChange } from './revisions.js';

/**
 * Remembers the highest revision of each resource, of so many resources at the most: beyond that it
 * forgets the one that changed least recently, whose next change then counts as the first. Neither
 * clock nor I/O. One tracker serves one consumer.
 */
export class RevisionTracker {
  readonly #capacity: number;
  readonly #known = new Map<string, number>();

  /** Throws ConfigurationError CONFIG_VALUE_INVALID. */
  constructor({ capacity = 100_000 }: { readonly capacity?: number } = {}) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new ConfigurationError(
        'CONFIG_VALUE_INVALID',
        `capacity is a whole number, 1 or more; got ${capacity}.`,
        { parameters: { key: 'capacity', value: capacity } },
      );
    }
    this.#capacity = capacity;
  }

  /** How many resources it remembers. */
  get size(): number {
    return this.#known.size;
  }

  /** Returns the gap before a change; undefined when nothing is missing. Notes nothing. */
  check(change: TrackedChange): RevisionGap | undefined {
    return revisionGap(this.#known.get(keyOf(change)), change);
  }

  /** Notes that the change was handled. A removed resource is forgotten. Safe to call twice. */
  note(change: TrackedChange): void {
    const key = keyOf(change);
    const known = this.#known.get(key) ?? 0;
    // Set anew, so that the order of the map is the order of the changes.
    this.#known.delete(key);
    if (change.removed) return;
    this.#known.set(key, Math.max(known, change.revision));
    if (this.#known.size <= this.#capacity) return;
    const [eldest] = this.#known.keys();
    if (eldest !== undefined) this.#known.delete(eldest);
  }
}

function keyOf({ resource, uuid }: TrackedChange): string {
  return `${resource}/${uuid}`;
}
