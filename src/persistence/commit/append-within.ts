import type { Store } from '../store.js';

/** Appends events to journal and outbox in the caller's transaction. */
export type AppendWithin = Store['appendWithin'];
