import type { BusMessage } from '../../delivery/bus/bus.js';

/** The header that marks a replayed message; its value is when it was replayed, RFC 3339 in UTC. */
export const replayedHeader = 'signalbox-replayed';

/** Pure. The message with the mark. Its id, key and bytes stay, so that an inbox knows it again. */
export function markReplayed(message: BusMessage, time: string): BusMessage {
  return { ...message, headers: { ...message.headers, [replayedHeader]: time } };
}

/**
 * Pure. When a delivery was replayed, RFC 3339 in UTC; undefined for one that came by itself. A handler
 * that must not repeat what an inbox cannot hold back, such as a mail, asks this.
 */
export function replayedAt({ headers }: Pick<BusMessage, 'headers'>): string | undefined {
  const value = headers[replayedHeader];
  return typeof value === 'string' ? value : undefined;
}
