import { createHash } from 'node:crypto';
import { v5 as uuidv5, validate } from 'uuid';
import type { LoggedEvent, Owner } from '../model.js';
import type { EventQuery, EventStore } from '../store/event-store.js';
import { type FeedDocument, type FeedEntry, type FeedLink, feedXml } from './feed-document.js';

/** The events of a feed: those that its owner may see, narrowed by any of these. */
export type FeedFilter = Partial<Pick<EventQuery, 'category' | 'type' | 'resource' | 'uuid'>>;

/** A request for a feed document. */
export interface FeedRequest {
  readonly owner: Owner;
  readonly filter: FeedFilter;
  /** Address of the service, such as `https://events.example`, without a slash at the end. */
  readonly base: string;
  /** The validator that the caller has, from `If-None-Match`. */
  readonly known: string | undefined;
}

/** An answer: a document, or that the caller's is still the newest. */
export type FeedAnswer =
  { readonly etag: string; readonly xml: string } | { readonly etag: string; readonly xml: null };

/** Event numbers of one archive document, and the most entries of the current one. */
const pageSize = 100;

/**
 * Atom feeds over the events of an application, archived as RFC 5005 section 4 has it. An archive document
 * holds the events of 100 consecutive numbers that match the feed, so it never changes once the numbers are
 * given. The current document holds the newest 100 and links to the archive that holds the next older one,
 * so that a poller who follows `prev-archive` up to a document that it knows misses no entry.
 */
export class Feeds {
  readonly #events: EventStore;
  readonly #hubs: readonly string[];

  /**
   * @param hubs Addresses of WebSub hubs that the feeds name; none for no hub.
   */
  constructor(events: EventStore, hubs: readonly string[] = []) {
    this.#events = events;
    this.#hubs = hubs;
  }

  /** The current document. */
  async current(request: FeedRequest): Promise<FeedAnswer> {
    const [newest] = await this.#read(request, { order: 'newest', limit: 1 });
    const etag = this.#etag(request, String(newest?.seq ?? 0));
    if (matches(request.known, etag)) return { etag, xml: null };
    const found = await this.#read(request, {
      order: 'newest',
      limit: pageSize,
      ...(newest === undefined ? {} : { before: newest.seq + 1 }),
    });
    const oldest = found.at(-1);
    const previous =
      oldest === undefined
        ? undefined
        : await this.#archiveBefore(request, oldest.seq, newest?.seq ?? 0);
    const document = this.#document(request, found, false, [
      { rel: 'self', href: this.#address(request) },
      ...this.#hubs.map((href) => ({ rel: 'hub', href })),
      ...this.#archiveLink(request, 'prev-archive', previous),
    ]);
    return { etag, xml: feedXml(document) };
  }

  /** An archive document; undefined where its numbers are not all given, or it has no entries. */
  async archive(request: FeedRequest, page: number): Promise<FeedAnswer | undefined> {
    const etag = this.#etag(request, `archive ${page}`);
    const [first, last] = [page * pageSize + 1, (page + 1) * pageSize];
    if ((await this.#events.head()) < last) return undefined;
    const found = await this.#read(request, {
      order: 'newest',
      limit: pageSize,
      after: first - 1,
      before: last + 1,
    });
    if (found.length === 0) return undefined;
    if (matches(request.known, etag)) return { etag, xml: null };
    const previous = await this.#newestPage(request, first);
    const document = this.#document(request, found, true, [
      { rel: 'self', href: this.#address(request, page) },
      { rel: 'current', href: this.#address(request) },
      ...this.#archiveLink(request, 'prev-archive', previous),
    ]);
    return { etag, xml: feedXml(document) };
  }

  /** The archive that continues behind the oldest entry of the current document. */
  async #archiveBefore(
    request: FeedRequest,
    oldest: number,
    newest: number,
  ): Promise<number | undefined> {
    const page = pageOf(oldest);
    // The page of the oldest entry may have more of the feed's events. While its numbers are still being
    // given, the current document has all of them: it holds as many entries as a page has numbers.
    const isOpen = page === pageOf(newest) && (await this.#events.head()) < (page + 1) * pageSize;
    return isOpen ? this.#newestPage(request, page * pageSize + 1) : page;
  }

  async #newestPage(request: FeedRequest, before: number): Promise<number | undefined> {
    const [event] = await this.#read(request, { order: 'newest', limit: 1, before });
    return event === undefined ? undefined : pageOf(event.seq);
  }

  #read(
    { owner, filter }: FeedRequest,
    part: Pick<EventQuery, 'order' | 'limit' | 'after' | 'before'>,
  ): Promise<readonly LoggedEvent[]> {
    return this.#events.read({ owner, ...filter, ...part });
  }

  #document(
    request: FeedRequest,
    events: readonly LoggedEvent[],
    archive: boolean,
    links: readonly FeedLink[],
  ): FeedDocument {
    return {
      id: `urn:uuid:${uuidv5(identityOf(request), feedSpace)}`,
      title: titleOf(request.filter),
      updated: events[0]?.time ?? '1970-01-01T00:00:00Z',
      links,
      archive,
      entries: events.map((event) => entryOf(event, request.base)),
    };
  }

  #archiveLink(request: FeedRequest, rel: string, page: number | undefined): readonly FeedLink[] {
    return page === undefined ? [] : [{ rel, href: this.#address(request, page) }];
  }

  #address({ base, filter }: FeedRequest, page?: number): string {
    const path = page === undefined ? '/feeds/events.atom' : `/feeds/archive/${page}`;
    const query = new URLSearchParams(filter).toString();
    return `${base}${path}${query === '' ? '' : `?${query}`}`;
  }

  #etag(request: FeedRequest, version: string): string {
    const subject = JSON.stringify([identityOf(request), request.base, this.#hubs, version]);
    return `"${createHash('sha256').update(subject).digest('base64url').slice(0, 27)}"`;
  }
}

/** Namespace of the ids of feeds. */
const feedSpace = '7d9ad9d6-3f0f-5b1f-9c0e-6c1de2d40f4b';

const pageOf = (seq: number): number => Math.floor((seq - 1) / pageSize);

/** Two owners see two feeds: what distinguishes them is part of the feed's identity. */
function identityOf({ owner, filter }: FeedRequest): string {
  const { account, domain, reach } = owner;
  const { category, type, resource, uuid } = filter;
  return JSON.stringify([account, domain, reach, category, type, resource, uuid]);
}

function titleOf({ category, type, resource, uuid }: FeedFilter): string {
  const words = [category, type, resource, uuid].filter((word) => word !== undefined);
  return words.length === 0 ? 'Events' : `Events: ${words.join(', ')}`;
}

/** Whether an `If-None-Match` names a validator; weak and strong ones compare alike here (RFC 9110). */
function matches(known: string | undefined, etag: string): boolean {
  if (known === undefined) return false;
  const named = known.split(',').map((each) => each.trim().replace(/^W\//, ''));
  return named.includes('*') || named.includes(etag);
}

function entryOf(event: LoggedEvent, base: string): FeedEntry {
  const { source, data } = JSON.parse(event.payload) as {
    readonly source?: string;
    readonly data?: { readonly old?: string | null; readonly new?: string | null };
  };
  const about = event.resource === null ? '' : ` ${event.resource}`;
  const change =
    event.category === 'ResourceStateEvent' && data !== undefined
      ? `: ${data.old ?? 'created'} → ${data.new ?? 'removed'}`
      : '';
  return {
    id: validate(event.id)
      ? `urn:uuid:${event.id.toLowerCase()}`
      : `urn:uuid:${uuidv5(event.id, feedSpace)}`,
    title: `${event.type}${about}${change}`,
    updated: event.time,
    author: source ?? 'unknown',
    categories: [
      { term: event.category, scheme: 'urn:signalbox:category' },
      { term: event.type, scheme: 'urn:signalbox:type' },
    ],
    links: [
      {
        rel: 'alternate',
        type: 'application/json',
        href: `${base}/events/${encodeURIComponent(event.id)}`,
      },
    ],
    content: event.payload,
  };
}
