/** Confirmations that are kept in mind: more than a leader gives before its fall is noticed. */
const mostKept = 20_000;

/**
 * Remembers which message was confirmed under which recent sequence number of a stream. A server that
 * gives a number to a second message has lost the first: a leader was elected that did not have all that
 * was confirmed, or the stream was restored from a copy. Neither clock nor I/O.
 */
export class ConfirmedSequences {
  #kept: { readonly sequence: number; readonly id: string }[] = [];

  /** Notes a confirmation. Returns the id of another message that the number was confirmed for before. */
  note(sequence: number, id: string): string | undefined {
    const place = sequence % mostKept;
    const former = this.#kept[place];
    this.#kept[place] = { sequence, id };
    return former?.sequence === sequence && former.id !== id ? former.id : undefined;
  }

  /** The id of the message that the number was confirmed for, as far as that is kept in mind. */
  idOf(sequence: number): string | undefined {
    const kept = this.#kept[sequence % mostKept];
    return kept?.sequence === sequence ? kept.id : undefined;
  }

  /** The stream was made anew: its numbers begin again. */
  forget(): void {
    this.#kept = [];
  }
}
