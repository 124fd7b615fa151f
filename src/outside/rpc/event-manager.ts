import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import { callback, required, signal, text, whole } from '../../core/options/fields.js';
import { busField, poolField, subscribeFields } from '../../delivery/bus/bus-fields.js';
import { rootField } from './names.js';
import { v7 as uuidv7 } from 'uuid';
import type { Bus, Published, RetryPolicy } from '../../delivery/bus/bus.js';
import { TopicTrie } from '../../delivery/topic/topic-trie.js';
import { ConfigurationError, ClosedError } from '../../core/errors/errors.js';
import type { JsonValue } from '../../core/json/json.js';
import { assertPlainJson, encodePlainJson } from '../../core/json/plain-json.js';
import { toError } from '../../core/errors/to-error.js';
import { reportFailure, type FailureListener } from '../object-events/report-failure.js';
import { inSpan } from '../../context/span.js';
import { emitSpan } from './rpc-spans.js';
import { contextHeaders } from './context-headers.js';
import { EventSubscribers, type Subscriber } from './event-subscribers.js';
import { assertRoot } from './names.js';
import type { EventInfo, TopicHandler } from './topic-handler.js';
import type { Matching, PayloadOf } from './topic-types.js';

/** How an EventManager uses its bus. */
export interface EventManagerOptions {
  /** Carries the events. It stays open when the manager closes. */
  readonly bus: Bus;
  /**
   * How routing keys begin, before the topic; managers of one root hear each other. Default `events`,
   * which keeps them apart from the events of a Signalbox on the same exchange.
   */
  readonly root?: string;
  /** Name of the emitter: a header of each event. Default none. */
  readonly emitter?: string;
  /** Bytes that a payload may take, as JSON. Default 256 KiB. */
  readonly payloadLimit?: number;
  /** Events of one pool that this process handles at once, 1 to 2000. Default 16. */
  readonly concurrency?: number;
  /**
   * How far the order of a `partitionKey` reaches in a pool: over the whole `pool`, of which one member
   * is active (default), or within each `member`, so that all share the work. All members must agree.
   */
  readonly order?: 'pool' | 'member';
  /** When an event whose handler failed is handled again. For pools only. Default that of the bus. */
  readonly retry?: RetryPolicy;
  /**
   * Told of what a handler threw. Default: Node's `warning` event, which prints it on the standard
   * error.
   */
  readonly onError?: FailureListener;
}

export const eventManagerSchema = optionsOf<EventManagerOptions>('EventManager', {
  bus: required(busField),
  root: rootField,
  emitter: text(),
  payloadLimit: whole(1, 2 ** 31),
  concurrency: subscribeFields.concurrency,
  order: subscribeFields.order,
  retry: subscribeFields.retry,
  onError: callback,
});

/** How to subscribe to a topic. */
export interface TopicOptions {
  /**
   * Name of a pool: exactly one member of it gets each event, events wait while no member is there, and
   * what a handler throws is tried again, then dead-lettered. Default none: every subscriber gets what
   * is emitted from now on, and what it throws is reported.
   */
  readonly pool?: string;
  /** Ends the subscription when it aborts. */
  readonly signal?: AbortSignal;
}

export const topicSchema = optionsOf<TopicOptions>('subscribe()', { pool: poolField, signal });

/** How to emit. */
export interface EmitOptions {
  /**
   * Events of one key reach a handler one after another, in the order of awaited emits. Default: as
   * they come, several at once.
   */
  readonly partitionKey?: string;
}

export const emitSchema = optionsOf<EmitOptions>('emit()', { partitionKey: text(1) });

/** A handler of events over the bus. */
export interface TopicSubscription extends AsyncDisposable {
  /**
   * Ends it. The last one of its topic also lets go of the bus, which waits for handlers under way: do
   * not await it inside of one. Safe to call twice.
   */
  unsubscribe(): Promise<void>;
}

/** Topics whose payloads are not known. */
export type UntypedTopics = Readonly<Record<string, JsonValue>>;

/**
 * Events between daemons, over any bus: one-way messages to whom it may concern, by topic. Payloads are
 * plain JSON, typed by topic. Subscribers of one topic and pool share one subscription of the bus.
 *
 * @example
 * type Topics = { 'host.started': { host: string }; 'log.web.error': { line: string } };
 *
 * const events = new EventManager<Topics>({ bus, emitter: 'web-1' });
 * await events.subscribe('log.*.error', ({ line }, { emitter }) => page(emitter, line));
 * await events.emit('host.started', { host: 'node-1' });
 */
export class EventManager<Topics extends object = UntypedTopics> implements AsyncDisposable {
  readonly #options: EventManagerOptions;
  readonly #root: string;
  readonly #shared = new Map<string, EventSubscribers>();
  readonly #topics = new TopicTrie<EventSubscribers>();
  #closing: Promise<void> | undefined;

  /** Throws ConfigurationError CONFIG_VALUE_INVALID. Nothing is sent before the first call. */
  constructor(options: EventManagerOptions) {
    checkOptions(eventManagerSchema, options);
    this.#options = options;
    this.#root = options.root ?? 'events';
    assertRoot(this.#root);
  }

  /**
   * Emits an event over the bus. Resolves when the broker has taken responsibility for it, with whether
   * anybody wanted it. Rejects with RefusedError PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE or
   * ROUTING_KEY_TOO_LONG, with ConfigurationError for a topic that is none, and as the bus does.
   */
  async emit<const Topic extends keyof Topics & string>(
    topic: Topic,
    payload: Topics[Topic],
    options: EmitOptions = {},
  ): Promise<Published> {
    this.#assertOpen();
    checkOptions(emitSchema, options);
    const { partitionKey } = options;
    assertTopic(topic);
    const { bus, emitter, payloadLimit } = this.#options;
    const body = Buffer.from(encodePlainJson(payload, 'payload', payloadLimit));
    return inSpan(
      () => emitSpan(this.#root, topic),
      () =>
        bus.publish({
          key: `${this.#root}.${topic}`,
          id: uuidv7(),
          contentType: 'application/json',
          headers: { ...contextHeaders(), ...(emitter === undefined ? {} : { emitter }) },
          body,
          ...(partitionKey === undefined ? {} : { partitionKey }),
        }),
    );
  }

  /**
   * Emits an event to the subscribers of this manager alone, not over the bus. Resolves when all have
   * handled it, with what they threw, which is reported too. Throws RefusedError PAYLOAD_NOT_JSON.
   */
  async emitLocal<const Topic extends keyof Topics & string>(
    topic: Topic,
    payload: Topics[Topic],
  ): Promise<readonly Error[]> {
    this.#assertOpen();
    assertTopic(topic);
    assertPlainJson(payload, 'payload');
    const info: EventInfo = {
      topic,
      id: uuidv7(),
      emitter: this.#options.emitter,
      local: true,
      attempt: 1,
      redelivered: false,
    };
    const { signal } = new AbortController();
    const failures: Error[] = [];
    const handled = [...this.#topics.match(topic)].flatMap(({ subscribers }) =>
      [...subscribers].map(async ({ handler, active }) => {
        try {
          if (active) await handler(payload, info, signal);
        } catch (thrown) {
          const error = toError(thrown);
          failures.push(error);
          reportFailure(error, this.#options.onError);
        }
      }),
    );
    await Promise.all(handled);
    return failures;
  }

  /**
   * Subscribes to a topic, or to a pattern of topics: `*` stands for one word, `#` for any number.
   * Resolves when the bus delivers from now on. Rejects with ConfigurationError or RefusedError for
   * what can be no pattern or pool, with the signal's reason when it has aborted, and as the bus does.
   */
  async subscribe<const Pattern extends string>(
    pattern: Pattern & Matching<Topics, Pattern>,
    handler: TopicHandler<PayloadOf<Topics, Pattern>>,
    options: TopicOptions = {},
  ): Promise<TopicSubscription> {
    this.#assertOpen();
    checkOptions(topicSchema, options);
    const { pool, signal: ender } = options;
    assertTopic(pattern);
    ender?.throwIfAborted();
    const shared = this.#sharedFor(pattern, pool);
    const subscriber: Subscriber = { handler: handler as TopicHandler<JsonValue>, active: true };
    let ending: Promise<void> | undefined;
    const unsubscribe = (): Promise<void> => {
      ender?.removeEventListener('abort', onAbort);
      ending ??= this.#leave(shared, subscriber);
      return ending;
    };
    const onAbort = (): void => void unsubscribe().catch(() => undefined);
    ender?.addEventListener('abort', onAbort);
    shared.subscribers.add(subscriber);
    try {
      await shared.open();
    } catch (error) {
      await unsubscribe();
      throw error;
    }
    if (this.#closing !== undefined) await unsubscribe();
    ender?.throwIfAborted();
    this.#assertOpen();
    return { unsubscribe, [Symbol.asyncDispose]: unsubscribe };
  }

  /** Ends every subscription, and waits for handlers under way. The bus stays open. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const all = [...this.#shared.values()];
    await Promise.all(
      all.flatMap((shared) =>
        [...shared.subscribers].map((subscriber) => this.#leave(shared, subscriber)),
      ),
    );
  }

  #sharedFor(pattern: string, pool: string | undefined): EventSubscribers {
    const key = JSON.stringify([pattern, pool]);
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      const { bus, concurrency = 16, order = 'pool', retry, onError } = this.#options;
      shared = new EventSubscribers({
        bus,
        root: this.#root,
        pattern,
        pool,
        concurrency,
        order,
        retry,
        onError,
        onEnd: (ended) => {
          // A subscription that came meanwhile has made another.
          if (this.#shared.get(key) === ended) this.#shared.delete(key);
          this.#topics.remove(pattern, ended);
        },
      });
      this.#shared.set(key, shared);
      this.#topics.add(pattern, shared);
    }
    return shared;
  }

  async #leave(shared: EventSubscribers, subscriber: Subscriber): Promise<void> {
    subscriber.active = false;
    shared.subscribers.delete(subscriber);
    await shared.endIfUnused();
  }

  #assertOpen(): void {
    if (this.#closing === undefined) return;
    throw new ClosedError('CLOSED', 'The EventManager is closed. Create a new one.');
  }
}

function assertTopic(topic: string): void {
  if (typeof topic === 'string' && topic !== '' && !topic.split('.').includes('')) return;
  const shown = String(topic).slice(0, 64);
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `A topic is words with dots between, such as host.started; got "${shown}".`,
    { parameters: { key: 'topic', value: shown } },
  );
}
