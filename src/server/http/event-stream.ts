import { maySee } from '../access/visibility.js';
import { topicMatcher } from '../filter/endpoint-index.js';
import type { LoggedEvent, Owner } from '../model.js';
import type { EventStore } from '../store/event-store.js';
import type { Tail } from './tail.js';

/** Events that a slow reader may be behind; then its stream ends, and it comes back for the rest. */
const mostBuffered = 2000;
const pageSize = 500;

/** Options of a stream. */
export interface StreamOptions {
  readonly owner: Owner;
  readonly topics: readonly string[];
  /** The number of the last event that the reader has; undefined for what comes from now on. */
  readonly after: number | undefined;
  /** Milliseconds between comments that keep the connection. Default 15,000. */
  readonly heartbeat?: number;
  readonly signal: AbortSignal;
}

/**
 * Server-Sent Events: those behind `after` from the database, then new ones as they come. The id of each is its
 * number, so that a reader that reconnects with `Last-Event-ID` misses none and gets none twice.
 */
export function eventStream(
  events: EventStore,
  tail: Tail,
  { owner, topics, after, heartbeat = 15_000, signal }: StreamOptions,
): ReadableStream<Uint8Array> {
  const matches = topicMatcher(topics);
  const encoder = new TextEncoder();
  let end: () => void = () => undefined;
  const waiting: LoggedEvent[] = [];
  let isLive = false;
  return new ReadableStream<Uint8Array>(
    {
      async start(controller) {
        const beat = setInterval(() => {
          write(': still here\n\n');
        }, heartbeat);
        let isOver = false;
        let following: { readonly position: number; end(): void } | undefined;
        end = () => {
          if (isOver) return;
          isOver = true;
          clearInterval(beat);
          following?.end();
          signal.removeEventListener('abort', end);
          try {
            controller.close();
          } catch {
            // The reader has gone.
          }
        };
        const write = (text: string): void => {
          if (isOver) return;
          try {
            controller.enqueue(encoder.encode(text));
          } catch {
            end();
          }
        };
        const show = (event: LoggedEvent): void => {
          if (maySee(owner, event) && matches(event)) write(messageOf(event));
        };
        signal.addEventListener('abort', end);
        if (signal.aborted) {
          end();
          return;
        }
        write('retry: 1000\n\n');
        try {
          following = await tail.follow((more) => {
            if (!isLive) waiting.push(...more);
            else for (const event of more) show(event);
            const isBehind = (controller.desiredSize ?? 0) < -mostBuffered;
            if (isBehind || waiting.length > mostBuffered * 10) end();
          });
          let position = after ?? following.position;
          while (!isOver && position < following.position) {
            const page = await events.read({
              owner,
              after: position,
              before: following.position + 1,
              order: 'oldest',
              limit: pageSize,
            });
            for (const event of page) show(event);
            if (page.length < pageSize) break;
            position = page.at(-1)?.seq ?? following.position;
          }
          for (const event of waiting.splice(0)) if (event.seq > (after ?? 0)) show(event);
          isLive = true;
        } catch {
          // The reader comes back, and gets the rest.
          end();
        }
      },
      cancel() {
        end();
      },
    },
    new CountQueuingStrategy({ highWaterMark: 16 }),
  );
}

function messageOf({ seq, category, payload }: LoggedEvent): string {
  return `id: ${seq}\nevent: ${category}\ndata: ${payload.replaceAll('\n', '\ndata: ')}\n\n`;
}
