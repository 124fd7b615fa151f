import type { Hono } from 'hono';
import type { DataSource } from 'typeorm';
import { originSource } from '../context/origin-source.js';
import { nextEventId } from '../core/identity/event-id.js';
import { journalEntry } from '../core/planning/announcement.js';
import type { Bus, BusSubscription } from '../delivery/bus/bus.js';
import { type Application, firstApplication } from '../persistence/application.js';
import { openStore } from '../persistence/open-store.js';
import { administrator, authenticator, type JwtOptions } from './access/access.js';
import { Feeds } from './atom/feeds.js';
import type { Channel } from './engine/channel.js';
import { Engine, type EngineOptions } from './engine/engine.js';
import { Endpoints } from './endpoints/endpoints.js';
import type { GuardOptions } from './guard/addresses.js';
import { assertGuardWorks, guardedAgent, type Resolver } from './guard/guarded-agent.js';
import { createApp } from './http/app.js';
import { routes } from './http/routes.js';
import { Tail } from './http/tail.js';
import { intakeBus, readBus } from './intake.js';
import { ServiceMetrics } from './metrics.js';
import type { Endpoint } from './model.js';
import { DeliveryStore } from './store/delivery-store.js';
import { EndpointStore } from './store/endpoint-store.js';
import { EventStore } from './store/event-store.js';
import { ServiceDatabase } from './store/service-sql.js';
import { TokenStore } from './store/token-store.js';
import { type Transform, webhookChannel } from './webhook/webhook-channel.js';
import { checkOptions, optionsOf } from '../core/options/check-options.js';
import {
  callback,
  field,
  having,
  listOf,
  oneOf,
  options as optionsField,
  plainObject,
  required,
  text,
} from '../core/options/fields.js';
import { engineFields } from './engine/engine.js';
import { guardFields } from './guard/addresses.js';
import { jwtFields } from './access/access.js';

/** A line of the service's log. */
export interface ServiceLog {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | number>>;
}

/** How a notification service is made. */
export interface NotificationServiceOptions {
  /** An initialized DataSource with the migrations of Signalbox applied. The caller closes it. */
  readonly dataSource: DataSource;
  /** Buses to read events from, each by a pool that all services share. The caller closes them. */
  readonly buses?: readonly Bus[];
  /** Application whose events are served; default the first application of the database. */
  readonly application?: Application;
  /** Ways to endpoints besides webhooks; see `defineChannel`. */
  readonly channels?: readonly Channel[];
  /** Functions that make the bodies of webhooks, by the names that endpoints use. */
  readonly transforms?: Readonly<Record<string, Transform>>;
  /** Addresses that webhooks may use besides public ones. */
  readonly guard?: GuardOptions;
  /** Tokens of an issuer of your own, besides those of the service. */
  readonly jwt?: JwtOptions;
  /**
   * Rights of a caller without a token: `nobody` (default), or `administrator` where only this machine can
   * call.
   */
  readonly anonymous?: 'nobody' | 'administrator';
  /** Source of the alerts about endpoints. Default `notification-service`. */
  readonly source?: string;
  /** Addresses of WebSub hubs that the Atom feeds name. Default none. */
  readonly hubs?: readonly string[];
  /**
   * Address that callers reach the service by, such as `https://events.example`; needed behind a proxy, for
   * links in feeds. Default the address of each request.
   */
  readonly publicUrl?: string;
  /** How deliveries are made. */
  readonly engine?: EngineOptions;
  /** Called with what an operator should know. Default: nothing is logged. */
  readonly onLog?: (entry: ServiceLog) => void;
  /** Resolves names of endpoints. Default the system's. */
  readonly resolve?: Resolver;
}

/** Schema of the options of `notificationService()`. */
export const notificationServiceSchema = optionsOf<NotificationServiceOptions>(
  'notificationService()',
  {
    dataSource: required(having('an initialized DataSource', 'manager', 'options')),
    buses: listOf(having('a bus', 'publish', 'subscribe')),
    application: having('an application', 'id', 'space'),
    channels: listOf(having('a channel of defineChannel()', 'name', 'check')),
    transforms: plainObject,
    guard: optionsField(guardFields),
    jwt: optionsField(jwtFields),
    anonymous: oneOf('nobody', 'administrator'),
    source: text(1, 64),
    hubs: listOf(httpAddress()),
    publicUrl: httpAddress(),
    engine: optionsField(engineFields),
    onLog: callback,
    resolve: callback,
  },
);

/** The notification service: takes events, delivers them, and answers HTTP. */
export interface NotificationService extends AsyncDisposable {
  /** Answers a request; mounts wherever a web-standard `fetch` handler does. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** The application itself, to mount it in another one of Hono. */
  readonly app: Hono;
  /** For a relay in this process: confirms an event when its deliveries are committed. */
  readonly intake: Bus;
  /** Access tokens. */
  readonly tokens: TokenStore;
  /** Checks database and guard, then begins to read buses and to deliver. */
  start(): Promise<void>;
  /**
   * Stops taking on work, lets deliveries under way end, and ends streams. Safe to call twice.
   *
   * @param graceMs Milliseconds after which they are broken off. Default 20,000.
   */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Creates a notification service; it does nothing before `start()`. Rejects with ConfigurationError
 * DRIVER_MISSING where hono or undici is not installed, and CONFIG_VALUE_INVALID for options that do not fit.
 *
 * @example
 * const service = await notificationService({ dataSource, buses: [bus] });
 * await service.start();
 * app.route('/notifications', service.app);
 */
export async function notificationService(
  options: NotificationServiceOptions,
): Promise<NotificationService> {
  checkOptions(notificationServiceSchema, options);
  const { dataSource, buses = [], application = firstApplication } = options;
  const log = options.onLog ?? (() => undefined);
  const onFailure = (error: unknown): void => {
    log({ level: 'error', message: error instanceof Error ? error.message : String(error) });
  };
  const database = new ServiceDatabase(dataSource);
  const events = new EventStore(database, application.id);
  const endpointStore = new EndpointStore(database, events, application.id);
  const deliveries = new DeliveryStore(database, application.id);
  const tokens = new TokenStore(database, application.id);
  const http = await guardedAgent({
    ...options.guard,
    ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
  });
  const webhooks = webhookChannel({
    http,
    ...(options.transforms === undefined ? {} : { transforms: options.transforms }),
  });
  const channels = new Map(
    [webhooks, ...(options.channels ?? [])].map((channel) => [channel.name, channel]),
  );
  const metrics = new ServiceMetrics();
  const alert = stoppedAlert(options, application, onFailure);
  const engine = new Engine(
    { events, endpoints: endpointStore, deliveries },
    channels,
    options.engine ?? {},
    {
      async onStopped(endpoint, status, reason) {
        log({ level: 'warn', message: `endpoint ${endpoint.id} ${status}: ${reason}` });
        await alert(endpoint, status, reason);
      },
      onOutcome: (outcome, { channel }, duration) => {
        metrics.attempt(channel, outcome, duration);
      },
      onFailure,
    },
  );
  const tail = new Tail(events, options.engine?.poll ?? 500, onFailure);
  engine.follow(() => {
    tail.wake();
  });
  const stopping = new AbortController();
  const endpoints = new Endpoints(endpointStore, events, channels, () => {
    engine.wake();
  });
  const app = await createApp({
    authenticator: await authenticator(tokens, {
      ...(options.jwt === undefined ? {} : { jwt: options.jwt }),
      ...(options.anonymous === 'administrator' ? { anonymous: administrator } : {}),
    }),
    onFault: onFailure,
    routes: routes({
      version: '1',
      events,
      endpointStore,
      endpoints,
      deliveries,
      tokens,
      feeds: new Feeds(events, options.hubs),
      publicUrl: options.publicUrl,
      tail,
      stopping: stopping.signal,
      ready: () => readiness(events, stopping.signal),
      async metrics() {
        const counts = await deliveries.counts();
        return metrics.text({
          signalbox_event_streams: tail.size,
          signalbox_endpoints_busy: engine.busy,
          signalbox_events_taken: await events.head(),
          ...Object.fromEntries(
            Object.entries(counts).map(([status, count]) => [
              `signalbox_deliveries{status="${status}"}`,
              count,
            ]),
          ),
        });
      },
      wake: () => {
        engine.wake();
      },
    }),
  });
  const subscriptions: BusSubscription[] = [];
  let stopped: Promise<void> | undefined;
  const end = async (graceMs: number): Promise<void> => {
    stopping.abort();
    await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()));
    await engine.stop(graceMs);
    await tail.stop();
    for (const channel of channels.values()) await channel.close?.();
    await http.close();
  };
  return {
    fetch: (request) => app.fetch(request),
    app,
    intake: intakeBus(engine),
    tokens,
    async start() {
      await events.head();
      await assertGuardWorks();
      engine.start();
      for (const bus of buses) subscriptions.push(await readBus(bus, engine));
    },
    stop: (graceMs = 20_000) => (stopped ??= end(graceMs)),
    [Symbol.asyncDispose]: () => (stopped ??= end(20_000)),
  };
}

async function readiness(events: EventStore, stopping: AbortSignal): Promise<readonly string[]> {
  if (stopping.aborted) return ['stopping'];
  try {
    await events.head();
    return [];
  } catch {
    return ['database'];
  }
}

/** Announces on the bus that an endpoint was disabled or ended, as an alert of its owner. */
function stoppedAlert(
  { dataSource, source = 'notification-service' }: NotificationServiceOptions,
  application: Application,
  onFailure: (error: unknown) => void,
) {
  const store = openStore(dataSource, application);
  const origin = originSource(source);
  return async (endpoint: Endpoint, status: string, reason: string): Promise<void> => {
    const { id, channel, owner } = endpoint;
    try {
      await store.append([
        journalEntry({
          id: nextEventId(),
          origin: origin(),
          category: 'AlertEvent',
          type: 'ALERT.ENDPOINT.DISABLED',
          tenancy: { account: owner.account, domain: owner.domain },
          data: {
            subject: `Endpoint ${id} gets no more events (${status})`,
            body: reason,
            details: { endpoint: id, channel, status },
          },
        }),
      ]);
    } catch (error) {
      onFailure(error);
    }
  };
}

function httpAddress() {
  return field(
    'an http: or https: address',
    (value) =>
      typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
  );
}
