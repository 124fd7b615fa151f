/**
 * Helpers of consumers: the inbox and its retention, revision gaps, replayed events.
 *
 * @module
 */
export type { Identified, IdempotentOptions } from './inbox/idempotent.js';
export { purgeInbox, purgeInboxRegularly } from './inbox/purge-inbox.js';
export type { InboxPurge, InboxPurgeOptions, InboxRetention } from './inbox/purge-inbox.js';
export { RevisionTracker } from './inbox/revision-tracker.js';
export { trackedChange } from './inbox/revisions.js';
export type { RevisionGap, TrackedChange, TrackedResource } from './inbox/revisions.js';
export { trackRevisions } from './inbox/track-revisions.js';
export type { TrackRevisionsOptions } from './inbox/track-revisions.js';
export type {
  ReplayOptions,
  ReplayProgress,
  ReplayResult,
  RefusedReplay,
} from './replay/replay.js';
export { replayedAt } from './replay/replayed.js';
export type { ResyncReason } from './watch/watch-event.js';
export type { WatchSelection } from './watch/watch-view.js';
export type { JournalEntry, JournalRecord } from '../core/planning/journal-entry.js';
