import type { RelayNotice } from '../delivery/relay/relay-notice.js';

/** Formats a relay notice as one line for a log. Pure. */
export function noticeLine(notice: RelayNotice): string {
  switch (notice.kind) {
    case 'partitionsChanged':
      return `holding ${notice.partitions.length} partitions of the outbox`;
    case 'leaseLost':
      return 'overslept the lease; what was read is dropped and read again';
    case 'busUnavailable':
      return `bus ${notice.bus} is away, trying again in ${notice.retryIn} ms: ${notice.error.message}`;
    case 'busRecovered':
      return `bus ${notice.bus} is back`;
    case 'unroutable':
      return `no binding on ${notice.bus} wants ${notice.key}`;
    case 'parked':
      return `parked outbox row ${notice.position} for ${notice.bus}: ${notice.reason}`;
    case 'databaseUnavailable':
      return `the database is away: ${notice.error.message}`;
    case 'busRefused':
      return notice.error.message;
    case 'starved':
      return notice.error.message;
    case 'served':
      return `the database answers again; it was waited for ${notice.waited} ms`;
    case 'databaseRecovered':
      return 'the database is back';
    case 'lagging':
      return `the outbox lags: ${notice.pending} pending, the oldest for ${notice.age} ms`;
    case 'caughtUp':
      return 'the outbox has caught up';
  }
}
