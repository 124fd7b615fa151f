import type { RelayNotice } from '../delivery/relay/relay-notice.js';

/** Formats a relay notice as one line for a log. Pure. */
export function noticeLine(notice: RelayNotice): string {
  switch (notice.type) {
    case 'partitions-changed':
      return `holding ${notice.partitions.length} partitions of the outbox`;
    case 'lease-lost':
      return 'overslept the lease; what was read is dropped and read again';
    case 'bus-unavailable':
      return `bus ${notice.bus} is away, trying again in ${notice.retryIn} ms: ${notice.error.message}`;
    case 'bus-recovered':
      return `bus ${notice.bus} is back`;
    case 'unroutable':
      return `no binding on ${notice.bus} wants ${notice.key}`;
    case 'parked':
      return `parked outbox row ${notice.position} for ${notice.bus}: ${notice.reason}`;
    case 'database-unavailable':
      return `the database is away: ${notice.error.message}`;
    case 'bus-refused':
      return notice.error.message;
    case 'starved':
      return notice.error.message;
    case 'served':
      return `the database answers again; it was waited for ${notice.waited} ms`;
    case 'database-recovered':
      return 'the database is back';
    case 'lagging':
      return `the outbox lags: ${notice.pending} pending, the oldest for ${notice.age} ms`;
    case 'caught-up':
      return 'the outbox has caught up';
  }
}
