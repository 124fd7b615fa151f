import Type from 'typebox';
import type { FeedAnswer, FeedRequest, Feeds } from '../atom/feeds.js';
import { ownerOf } from './caller.js';
import { Problem, type Reply } from './problem.js';
import type { Call, Route } from './route.js';

const word = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));
const feedQuery = Type.Object({ category: word, type: word, resource: word, uuid: word });

/** Routes of the Atom feeds. */
export function feedRoutes(feeds: Feeds, publicUrl: string | undefined): readonly Route[] {
  const requestOf = (call: Call): FeedRequest => {
    const { category, type, resource, uuid } = call.query;
    return {
      owner: ownerOf(call),
      filter: Object.fromEntries(
        Object.entries({ category, type, resource, uuid }).filter(
          ([, value]) => value !== undefined,
        ),
      ),
      base: (publicUrl ?? new URL(call.url).origin).replace(/\/$/, ''),
      known: call.header('if-none-match'),
    };
  };
  return [
    {
      method: 'GET',
      path: '/feeds/events.atom',
      operation: 'getFeed',
      summary: 'The newest events as Atom; older ones by its link prev-archive',
      access: 'read',
      query: feedQuery,
      status: 200,
      produces: 'application/atom+xml',
      handle: async (call) => replyOf(await feeds.current(requestOf(call)), 'private, no-cache'),
    },
    {
      method: 'GET',
      path: '/feeds/archive/{page}',
      operation: 'getFeedArchive',
      summary: 'Older events as Atom; a document that never changes',
      access: 'read',
      query: feedQuery,
      status: 200,
      produces: 'application/atom+xml',
      async handle(call) {
        const { page = '' } = call.parameters;
        const answer = /^\d{1,12}$/.test(page)
          ? await feeds.archive(requestOf(call), Number(page))
          : undefined;
        if (answer === undefined)
          throw new Problem(404, 'ARCHIVE_UNKNOWN', 'The feed has no such archive document.');
        return replyOf(answer, 'private, max-age=31536000, immutable');
      },
    },
  ];
}

function replyOf({ etag, xml }: FeedAnswer, cacheControl: string): Reply {
  const headers = { etag, 'cache-control': cacheControl, vary: 'authorization' };
  return xml === null
    ? { status: 304, headers }
    : {
        status: 200,
        headers: { ...headers, 'content-type': 'application/atom+xml; charset=utf-8' },
        body: xml,
      };
}
