import { administrator } from '../access/access.js';
import { maySee } from '../access/visibility.js';
import { type EndpointInput, type Endpoints, ownerFor } from '../endpoints/endpoints.js';
import type { Signing } from '../endpoints/signing.js';
import { explainMatch } from '../filter/endpoint-index.js';
import type { Attempt, Delivery, Endpoint, LoggedEvent } from '../model.js';
import type { DeliverySelection, DeliveryStore } from '../store/delivery-store.js';
import type { EndpointChange, EndpointStore } from '../store/endpoint-store.js';
import type { EventQuery, EventStore } from '../store/event-store.js';
import type { Scope, TokenStore } from '../store/token-store.js';
import type { Feeds } from '../atom/feeds.js';
import { isAdministrator, ownerOf, principalOf } from './caller.js';
import { eventStream } from './event-stream.js';
import { feedRoutes } from './feed-routes.js';
import { openApi } from './open-api.js';
import { Problem, type Reply } from './problem.js';
import type { Call, Route } from './route.js';
import {
  changeEndpointSchema,
  createEndpointSchema,
  createTokenSchema,
  deliveryQuery,
  endpointQuery,
  eventQuery,
  historyQuery,
  replaySchema,
  rotateSchema,
  selectionSchema,
  streamQuery,
} from './schemas.js';
import type { Tail } from './tail.js';

/** Services that the routes use. */
export interface RoutesContext {
  readonly version: string;
  readonly events: EventStore;
  readonly endpointStore: EndpointStore;
  readonly endpoints: Endpoints;
  readonly deliveries: DeliveryStore;
  readonly tokens: TokenStore;
  readonly feeds: Feeds;
  readonly publicUrl: string | undefined;
  readonly tail: Tail;
  /** Aborts when the service stops, and streams end. */
  readonly stopping: AbortSignal;
  readonly ready: () => Promise<readonly string[]>;
  readonly metrics: () => Promise<string>;
  readonly wake: () => void;
}

/** Every operation of the service: router, access and OpenAPI document are made from this table. */
export function routes(context: RoutesContext): readonly Route[] {
  const table: readonly Route[] = [
    ...operation(context),
    ...events(context),
    ...endpoints(context),
    ...deliveries(context),
    ...tokens(context),
    ...feedRoutes(context.feeds, context.publicUrl),
    {
      method: 'GET',
      path: '/openapi.json',
      operation: 'getOpenApi',
      summary: 'This document',
      access: 'public',
      status: 200,
      handle: () => ok(openApi(table, context.version)),
    },
  ];
  return table;
}

function operation({ ready, metrics }: RoutesContext): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/livez',
      operation: 'getLiveness',
      summary: 'Whether the process answers',
      access: 'public',
      status: 200,
      handle: () => ok({ status: 'ok' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      operation: 'getReadiness',
      summary: 'Whether database and buses are there',
      access: 'public',
      status: 200,
      async handle() {
        const faults = await ready();
        return faults.length === 0
          ? ok({ status: 'ok' })
          : { status: 503, body: { status: 'unavailable', faults } };
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      operation: 'getMetrics',
      summary: 'Figures in the format of Prometheus',
      access: 'admin',
      status: 200,
      produces: 'text/plain',
      handle: async () => ({
        status: 200,
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        body: await metrics(),
      }),
    },
  ];
}

function events({
  events: store,
  tail,
  stopping,
  deliveries: log,
}: RoutesContext): readonly Route[] {
  const page = async (call: Call, given: Partial<EventQuery>): Promise<Reply> => {
    const limit = Number(call.query['limit'] ?? 100);
    const found = await store.read({ owner: ownerOf(call), order: 'newest', limit, ...given });
    return ok({ events: found.map(shown) });
  };
  return [
    {
      method: 'GET',
      path: '/events',
      operation: 'listEvents',
      summary: 'Events, newest first, or from a cursor or marker on',
      access: 'read',
      query: eventQuery,
      status: 200,
      async handle(call) {
        const { marker, direction, after, before, category, type, resource, uuid } = call.query;
        const filters = Object.fromEntries(
          Object.entries({ category, type, resource, uuid }).filter(
            ([, value]) => value !== undefined,
          ),
        ) as Partial<EventQuery>;
        if (marker !== undefined) {
          const event = await store.byId(String(marker), ownerOf(call));
          if (event === undefined)
            throw new Problem(404, 'EVENT_UNKNOWN', 'No event has the id of the marker.');
          const from =
            direction === 'backward'
              ? ({ before: event.seq, order: 'newest' } as const)
              : ({ after: event.seq, order: 'oldest' } as const);
          return page(call, { ...filters, ...from });
        }
        if (after !== undefined)
          return page(call, { ...filters, after: Number(after), order: 'oldest' });
        return page(call, {
          ...filters,
          ...(before === undefined ? {} : { before: Number(before) }),
        });
      },
    },
    {
      method: 'GET',
      path: '/events/stream',
      operation: 'streamEvents',
      summary: 'Events as they come, as Server-Sent Events; Last-Event-ID misses none',
      access: 'read',
      query: streamQuery,
      status: 200,
      produces: 'text/event-stream',
      handle: (call) => {
        const { topic, after } = call.query;
        const last =
          call.header('last-event-id') ?? (after === undefined ? undefined : String(after));
        const stream = eventStream(store, tail, {
          owner: ownerOf(call),
          topics: topic === undefined ? [] : String(topic).split(','),
          after: last !== undefined && /^\d{1,15}$/.test(last) ? Number(last) : undefined,
          signal: AbortSignal.any([stopping, call.signal]),
        });
        return Promise.resolve({
          status: 200,
          headers: {
            'content-type': 'text/event-stream',
            'cache-control': 'no-store',
            'x-accel-buffering': 'no',
          },
          body: stream,
        });
      },
    },
    {
      method: 'GET',
      path: '/events/{id}',
      operation: 'getEvent',
      summary: 'One event',
      access: 'read',
      status: 200,
      handle: async (call) => ok(shown(await eventOf(store, call))),
    },
    {
      method: 'GET',
      path: '/events/{id}/deliveries',
      operation: 'listEventDeliveries',
      summary: 'Who was told of an event, and what is still due',
      access: 'admin',
      status: 200,
      async handle(call) {
        const { seq } = await eventOf(store, call);
        return ok({ deliveries: (await log.ofEvent(seq)).map(shownDelivery) });
      },
    },
    {
      method: 'GET',
      path: '/resources/{type}/{uuid}',
      operation: 'getResource',
      summary: 'The last known state of a resource',
      access: 'read',
      status: 200,
      async handle(call) {
        const { type: resource = '', uuid = '' } = call.parameters;
        const [last] = await store.read({
          owner: ownerOf(call),
          category: 'ResourceStateEvent',
          resource,
          uuid,
          order: 'newest',
          limit: 1,
        });
        if (last === undefined)
          throw new Problem(404, 'RESOURCE_UNKNOWN', 'No event of this resource is known.');
        const { data } = JSON.parse(last.payload) as {
          readonly data: { readonly new: string | null };
        };
        const { revision, time, account, domain, project } = last;
        return ok({
          resource,
          uuid,
          state: data.new,
          revision,
          since: time,
          account,
          domain,
          project,
        });
      },
    },
    {
      method: 'GET',
      path: '/resources/{type}/{uuid}/history',
      operation: 'getResourceHistory',
      summary: 'Events of a resource, newest first',
      access: 'read',
      query: historyQuery,
      status: 200,
      handle: (call) => {
        const { type: resource = '', uuid = '' } = call.parameters;
        const { before } = call.query;
        return page(call, {
          resource,
          uuid,
          ...(before === undefined ? {} : { before: Number(before) }),
        });
      },
    },
  ];
}

function endpoints({
  endpoints: service,
  endpointStore: store,
  events: log,
}: RoutesContext): readonly Route[] {
  const one = async (call: Call): Promise<Endpoint> => endpointOf(store, call);
  return [
    {
      method: 'POST',
      path: '/endpoints',
      operation: 'createEndpoint',
      summary: 'Create an endpoint; its receiver shows that it wants events',
      access: 'subscribe',
      body: createEndpointSchema,
      status: 201,
      async handle(call) {
        const { endpoint, secret, reason } = await service.create(
          principalOf(call),
          call.body as EndpointInput,
        );
        return {
          status: 201,
          headers: { location: `/endpoints/${endpoint.id}` },
          body: { ...shownEndpoint(endpoint), secret, ...(reason === undefined ? {} : { reason }) },
        };
      },
    },
    {
      method: 'GET',
      path: '/endpoints',
      operation: 'listEndpoints',
      summary: 'Endpoints of the caller and of owners below',
      access: 'read',
      query: endpointQuery,
      status: 200,
      async handle(call) {
        const { channel, after, limit = 100 } = call.query;
        const found = await store.list(ownerOf(call), {
          limit: Number(limit),
          ...(channel === undefined ? {} : { channel: String(channel) }),
          ...(after === undefined ? {} : { after: String(after) }),
        });
        return ok({ endpoints: found.map(shownEndpoint) });
      },
    },
    {
      method: 'GET',
      path: '/endpoints/{id}',
      operation: 'getEndpoint',
      summary: 'One endpoint',
      access: 'read',
      status: 200,
      handle: async (call) => ok(shownEndpoint(await one(call))),
    },
    {
      method: 'PATCH',
      path: '/endpoints/{id}',
      operation: 'changeEndpoint',
      summary: 'Change an endpoint; a new address is confirmed as that of a new one',
      access: 'subscribe',
      body: changeEndpointSchema,
      status: 200,
      async handle(call) {
        const { endpoint, reason } = await service.change(
          await one(call),
          call.body as Omit<EndpointChange, 'secrets'>,
        );
        return ok({ ...shownEndpoint(endpoint), ...(reason === undefined ? {} : { reason }) });
      },
    },
    {
      method: 'DELETE',
      path: '/endpoints/{id}',
      operation: 'deleteEndpoint',
      summary: 'Delete an endpoint with its deliveries',
      access: 'subscribe',
      status: 204,
      async handle(call) {
        await store.remove((await one(call)).id);
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      path: '/endpoints/{id}/confirm',
      operation: 'confirmEndpoint',
      summary: 'Ask the receiver again to show that it wants events',
      access: 'subscribe',
      status: 200,
      async handle(call) {
        const { endpoint, reason } = await service.confirm(await one(call));
        return ok({ ...shownEndpoint(endpoint), ...(reason === undefined ? {} : { reason }) });
      },
    },
    {
      method: 'POST',
      path: '/endpoints/{id}/enable',
      operation: 'enableEndpoint',
      summary: 'Enable an endpoint; it gets what it missed first',
      access: 'subscribe',
      status: 200,
      async handle(call) {
        const endpoint = await one(call);
        // What was never confirmed, or has moved, shows first that it wants events.
        const { endpoint: enabled, reason } = await service.confirm(endpoint);
        return ok({ ...shownEndpoint(enabled), ...(reason === undefined ? {} : { reason }) });
      },
    },
    {
      method: 'POST',
      path: '/endpoints/{id}/disable',
      operation: 'disableEndpoint',
      summary: 'Disable an endpoint; what it misses waits for it',
      access: 'subscribe',
      status: 200,
      async handle(call) {
        const { id } = await one(call);
        await store.stop(id, 'disabled', 'By hand.', ['active', 'catching-up']);
        return ok(shownEndpoint(await one(call)));
      },
    },
    {
      method: 'POST',
      path: '/endpoints/{id}/test',
      operation: 'testEndpoint',
      summary: 'Send a test delivery and tell how it ended',
      access: 'subscribe',
      status: 200,
      async handle(call) {
        const endpoint = await one(call);
        if (endpoint.status !== 'active')
          throw new Problem(
            409,
            'ENDPOINT_NOT_ACTIVE',
            'Only an active endpoint is tested: confirm it first.',
          );
        const { body, ...outcome } = await service.test(endpoint);
        return ok(isAdministrator(call) ? { ...outcome, body } : outcome);
      },
    },
    {
      method: 'POST',
      path: '/endpoints/{id}/rotate',
      operation: 'rotateSecret',
      summary: 'Sign by a new key, and by the old one for a while',
      access: 'subscribe',
      body: rotateSchema,
      status: 200,
      async handle(call) {
        const { grace = 86_400, signing = 'hmac' } = call.body as {
          readonly grace?: number;
          readonly signing?: Signing;
        };
        const { endpoint, secret } = await service.rotate(await one(call), signing, grace * 1000);
        return ok({ ...shownEndpoint(endpoint), secret });
      },
    },
    {
      method: 'GET',
      path: '/endpoints/{id}/explain/{event}',
      operation: 'explainEvent',
      summary: 'Why an event is for an endpoint, or is not',
      access: 'read',
      status: 200,
      async handle(call) {
        const endpoint = await one(call);
        const event = await eventOf(log, call, 'event');
        return ok(explainMatch(endpoint, event));
      },
    },
    {
      method: 'POST',
      path: '/endpoints/{id}/replay',
      operation: 'replayEvents',
      summary: 'Deliver again from a time or a number on, marked as a replay',
      access: 'subscribe',
      body: replaySchema,
      status: 202,
      async handle(call) {
        const { since, from } = call.body as { readonly since?: string; readonly from?: number };
        const time = since === undefined ? 0 : Date.parse(since);
        if (Number.isNaN(time))
          throw new Problem(400, 'BODY_INVALID', "'since' is a time of RFC 3339.");
        const first = from ?? (await log.firstSince(time));
        return { status: 202, body: await service.replay(await one(call), first) };
      },
    },
  ];
}

function deliveries({
  deliveries: log,
  endpointStore: store,
  wake,
}: RoutesContext): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/endpoints/{id}/deliveries',
      operation: 'listDeliveries',
      summary: 'Deliveries of an endpoint: due, delivered, dead letters',
      access: 'read',
      query: deliveryQuery,
      status: 200,
      async handle(call) {
        const { id } = await endpointOf(store, call);
        const found = await log.list(id, call.query as DeliverySelection);
        return ok({ deliveries: found.map(shownDelivery) });
      },
    },
    {
      method: 'POST',
      path: '/endpoints/{id}/deliveries/retry',
      operation: 'retryDeliveries',
      summary: 'Deliver again all that match; default dead letters',
      access: 'subscribe',
      body: selectionSchema,
      status: 200,
      async handle(call) {
        const { id } = await endpointOf(store, call);
        const selection = { status: 'dead', ...(call.body as DeliverySelection) } as const;
        const count = await log.retry(id, selection);
        wake();
        return ok({ count });
      },
    },
    {
      method: 'POST',
      path: '/endpoints/{id}/deliveries/drop',
      operation: 'dropDeliveries',
      summary: 'Give up dead letters that match',
      access: 'subscribe',
      body: selectionSchema,
      status: 200,
      async handle(call) {
        const { id } = await endpointOf(store, call);
        return ok({ count: await log.drop(id, call.body as DeliverySelection) });
      },
    },
    {
      method: 'GET',
      path: '/deliveries/{id}',
      operation: 'getDelivery',
      summary: 'One delivery with its attempts',
      access: 'read',
      status: 200,
      async handle(call) {
        const delivery = await log.find(call.parameters['id'] ?? '');
        const endpoint =
          delivery === undefined ? undefined : await store.find(delivery.endpoint, ownerOf(call));
        if (delivery === undefined || endpoint === undefined)
          throw new Problem(404, 'DELIVERY_UNKNOWN', 'There is no delivery of this id.');
        const attempts = await log.attempts(delivery.id);
        return ok({
          ...shownDelivery(delivery),
          attempted: attempts.map((attempt) => shownAttempt(attempt, isAdministrator(call))),
        });
      },
    },
  ];
}

function tokens({ tokens: store }: RoutesContext): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/tokens',
      operation: 'createToken',
      summary: 'Create a token; its text is shown once',
      access: 'admin',
      body: createTokenSchema,
      status: 201,
      async handle(call) {
        const { name, owner, scopes, expiresIn } = call.body as {
          readonly name: string;
          readonly owner?: EndpointInput['owner'];
          readonly scopes: readonly Scope[];
          readonly expiresIn?: number;
        };
        const created = await store.create({
          name,
          owner: ownerFor(administrator, owner),
          scopes,
          expiresIn: expiresIn === undefined ? null : expiresIn * 1000,
        });
        return { status: 201, body: created };
      },
    },
    {
      method: 'GET',
      path: '/tokens',
      operation: 'listTokens',
      summary: 'Tokens, without what grants access',
      access: 'admin',
      status: 200,
      handle: async () => ok({ tokens: await store.list() }),
    },
    {
      method: 'DELETE',
      path: '/tokens/{id}',
      operation: 'revokeToken',
      summary: 'Revoke a token',
      access: 'admin',
      status: 204,
      async handle(call) {
        if (!(await store.revoke(call.parameters['id'] ?? '')))
          throw new Problem(404, 'TOKEN_UNKNOWN', 'There is no token of this id that is valid.');
        return { status: 204 };
      },
    },
  ];
}

function ok(body: unknown): Promise<Reply> {
  return Promise.resolve({ status: 200, body });
}

/** Returns the endpoint; one that the caller may not see is unknown. */
async function endpointOf(store: EndpointStore, call: Call): Promise<Endpoint> {
  const endpoint = await store.find(call.parameters['id'] ?? '', ownerOf(call));
  if (endpoint !== undefined) return endpoint;
  throw new Problem(404, 'ENDPOINT_UNKNOWN', 'There is no endpoint of this id.');
}

async function eventOf(store: EventStore, call: Call, name = 'id'): Promise<LoggedEvent> {
  const owner = ownerOf(call);
  const event = await store.byId(call.parameters[name] ?? '', owner);
  if (event !== undefined && maySee(owner, event)) return event;
  throw new Problem(404, 'EVENT_UNKNOWN', 'There is no event of this id.');
}

function shown({ seq, payload }: LoggedEvent): object {
  return { number: seq, event: JSON.parse(payload) as unknown };
}

/** Without keys: they are shown when they are made. */
function shownEndpoint(endpoint: Endpoint): object {
  const { id, channel, address, name, owner, ordered, status, reason, settings } = endpoint;
  const { statusAt, failingSince, failures, createdAt } = endpoint;
  return {
    id,
    channel,
    address,
    name,
    owner,
    ordered,
    status,
    reason,
    settings,
    since: time(statusAt),
    failingSince: time(failingSince),
    failures,
    created: time(createdAt),
  };
}

function shownDelivery(delivery: Delivery): object {
  const { id, endpoint, eventSeq, replay, revision, status, attempts, outcome } = delivery;
  return {
    id,
    endpoint,
    event: eventSeq,
    replay: replay === '' ? null : replay,
    revision,
    status,
    attempts,
    outcome: outcome === '' ? null : outcome,
    nextAttempt: status === 'due' ? time(delivery.nextAt) : null,
    created: time(delivery.createdAt),
    settled: time(delivery.settledAt),
  };
}

/** The receiver's answer is for administrators: it may be of a machine that the tenant cannot reach. */
function shownAttempt(attempt: Attempt, isForAdministrator: boolean): object {
  const { startedAt, duration, outcome, status, error, body } = attempt;
  return {
    at: time(startedAt),
    duration,
    outcome,
    status,
    error,
    ...(isForAdministrator ? { body } : {}),
  };
}

function time(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
