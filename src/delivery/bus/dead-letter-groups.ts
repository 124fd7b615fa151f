import type { DeadLetter, DeadLetterSelection } from './bus.js';

/** Dead letters that were given up for the same reason. */
export interface DeadLetterGroup {
  /**
   * The reason, with `*` for what differs from one message to the next: uuids and numbers. As a
   * `DeadLetterSelection.reason` it takes the whole group.
   */
  readonly reason: string;
  readonly count: number;
  /** When the first and the last were given up: UTC, ISO 8601; empty where the broker did not tell. */
  readonly first: string;
  readonly last: string;
  /** The id of the eldest, to look at. */
  readonly sample: string;
}

/**
 * Pure. Dead letters by their reason, the largest group first.
 *
 * @example
 * const groups = groupDeadLetters(await bus.deadLetters.read('billing', { limit: 10_000 }));
 * await bus.deadLetters.redrive('billing', { reason: groups[0].reason });
 */
export function groupDeadLetters(letters: readonly DeadLetter[]): readonly DeadLetterGroup[] {
  const groups = new Map<string, DeadLetterGroup>();
  for (const { reason, time, message } of letters) {
    const pattern = reasonPattern(reason);
    const { count, first, last, sample } = groups.get(pattern) ?? {
      count: 0,
      first: time,
      last: time,
      sample: message.id,
    };
    groups.set(pattern, {
      reason: pattern,
      count: count + 1,
      first: time < first ? time : first,
      last: time > last ? time : last,
      sample,
    });
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

const uuid = /\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi;

/** Pure. A reason with `*` for its uuids and numbers, which differ between messages of one cause. */
export function reasonPattern(reason: string): string {
  return reason
    .replace(uuid, '*')
    .replace(/\d+(?:[.:,-]\d+)*/g, '*')
    .replace(/\*+/g, '*');
}

/** Pure. Whether a selection takes a dead letter; its `limit` is the caller's to keep. */
export function selects({ ids, reason }: DeadLetterSelection, letter: DeadLetter): boolean {
  if (ids !== undefined && !ids.includes(letter.message.id)) return false;
  return reason === undefined || matches(reason, letter.reason);
}

/** `*` is any text. Piece by piece from the left, so that no pattern can take long. */
function matches(pattern: string, text: string): boolean {
  const [start = '', ...rest] = pattern.split('*');
  const end = rest.pop();
  if (end === undefined) return text === pattern;
  if (!text.startsWith(start)) return false;
  let at = start.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return text.length - end.length >= at && text.endsWith(end);
}
