import type {
  TransitionRequest,
  TransitionResult,
} from '../../core/planning/transition-request.js';

/** A request whose caller has no answer yet. */
export interface Waiting {
  readonly request: TransitionRequest;
  readonly planned: boolean;
  readonly resolve: (outcome: TransitionResult) => void;
  readonly reject: (error: Error) => void;
}

/** Requests of one resource that go together, one after another; at least one. */
export interface Chain {
  readonly uuid: string;
  readonly requests: readonly Waiting[];
}

/**
 * How many requests at the head of a queue can go in one commit, `most` at most. One that has guards
 * or fires a deadline reads more than its row, as committed before: it can only be the first.
 */
export function chainLength(queue: readonly Waiting[], most: number): number {
  let length = Math.min(1, queue.length);
  while (length < most && queue[length]?.planned === false) {
    length += 1;
  }
  return length;
}
