import type { ResourceStateEvent } from '../../core/events/event.js';

/** A resource as a watch knows it: what its lifecycle says, and whose it is. */
export interface WatchedResource<TState extends string = string> {
  readonly uuid: string;
  readonly state: TState;
  readonly revision: number;
  readonly account?: string;
  readonly domain?: string;
  readonly project?: string;
}

/** Why a watch reads the table anew. */
export type ResyncReason =
  /** The subscription was lost for a while, and what was published meanwhile passed unseen. */
  | 'missed'
  /** More changes came than the buffer holds while nobody took them. */
  | 'overflow'
  /** The journal was purged beyond the bookmark: what follows is a whole snapshot. */
  | 'expired';

/** Events of a watch. The revisions told of one resource only rise, but after it was removed. */
export type WatchEvent<TState extends string = string> =
  /** A resource of the list. Whatever is not told until `synced` is not there (any more). */
  | { readonly type: 'snapshot'; readonly resource: WatchedResource<TState> }
  /** It was created, or came into the selection. */
  | {
      readonly type: 'added';
      readonly resource: WatchedResource<TState>;
      /** Absent where the table told it and not an event. */
      readonly event?: ResourceStateEvent;
    }
  | {
      readonly type: 'changed';
      readonly resource: WatchedResource<TState>;
      readonly event?: ResourceStateEvent;
    }
  /**
   * It is gone (`gone: true`, as it was last known), or left the selection: as it is now where it left by
   * its state, and where it went to another owner as it was last known, without the event.
   */
  | {
      readonly type: 'removed';
      readonly resource: WatchedResource<TState>;
      readonly gone: boolean;
      readonly event?: ResourceStateEvent;
    }
  /**
   * All that happened up to the bookmark has been told: pass it as `from` to go on from here, in another
   * process or on another day.
   */
  | { readonly type: 'synced'; readonly bookmark: number }
  /**
   * Changes were lost, and the table is read anew. What differs follows, the newest of each resource and
   * not what was between; after `expired` a whole snapshot.
   */
  | { readonly type: 'resync'; readonly reason: ResyncReason };
