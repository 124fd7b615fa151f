/**
 * The outcome of a request whose row somebody else holds locked: nothing was done for it, and waiting
 * would have held up the rest of its batch. Ask again in a batch of its own, which waits. Internal:
 * callers of the package never see it.
 */
export class RowLocked extends Error {
  constructor() {
    super('The row is locked by another transaction.');
    this.name = 'RowBusy';
  }
}
