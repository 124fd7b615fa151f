import type { BusSubscription, Delivery } from '../../delivery/bus/bus.js';
import { DeadLetterError } from '../../delivery/bus/dead-letter-error.js';
import { RefusedError, UnavailableError } from '../../core/errors/errors.js';
import { nearestName } from '../../core/errors/nearest-name.js';
import { toError } from '../../core/errors/to-error.js';
import { longestTimeout } from './caller.js';
import type { Claims } from './claims.js';
import { callSpan } from './rpc-spans.js';
import { withContextOf } from './context-headers.js';
import { encodeError } from './error-wire.js';
import type { Link } from './link.js';
import type { CompiledMethod } from './method.js';
import { Replies } from './replies.js';
import { MethodFailedError } from './service-error.js';
import { decodeMessage, longestId, type ReplyMessage, type RequestMessage } from './wire.js';

/** A request that is being executed, or asked for. */
interface Execution {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/**
 * How many cancellations of requests that have not come yet are kept. One that is forgotten costs no
 * more than an idempotent method that runs for nobody: of any other the caller refuses the claim.
 */
const mostCancelled = 1_000;

/** Executes the requests to one service that come to this process. */
export class ServiceServer {
  readonly #link: Link;
  readonly #claims: Claims;
  readonly #service: string;
  readonly #methods: ReadonlyMap<string, CompiledMethod>;
  readonly #replies: Replies;
  readonly #executions = new Map<string, Execution>();
  readonly #cancelled = new Set<string>();
  #control: BusSubscription | undefined;
  #requests: BusSubscription | undefined;

  constructor(options: {
    readonly link: Link;
    readonly claims: Claims;
    readonly service: string;
    readonly methods: ReadonlyMap<string, CompiledMethod>;
  }) {
    this.#link = options.link;
    this.#claims = options.claims;
    this.#service = options.service;
    this.#methods = options.methods;
    this.#replies = new Replies(options.link, options.service);
  }

  /** Rejects as the bus does. */
  async start(concurrency: number): Promise<void> {
    const { bus, names } = this.#link;
    await this.#link.open();
    // First what can stop a request, then requests.
    this.#control = await bus.subscribe(
      [names.controlKey(this.#service)],
      (delivery) => this.#onControl(delivery),
      { concurrency: 100, retry: { attempts: 1 } },
    );
    try {
      this.#requests = await bus.subscribe(
        [names.requestKey(this.#service)],
        (delivery) => this.#onRequest(delivery),
        {
          pool: names.pool(this.#service),
          order: 'member',
          concurrency,
          // None waits here while another server is idle.
          prefetch: concurrency,
          // A failure is an answer: the bus never tries again.
          retry: { attempts: 1 },
        },
      );
    } catch (error) {
      await this.#control.unsubscribe();
      throw error;
    }
  }

  /** Takes no more requests, finishes and answers those under way. Safe to call twice. */
  async close(options: { readonly removePool?: boolean } = {}): Promise<void> {
    await this.#requests?.unsubscribe(options);
    await this.#replies.sent();
    await this.#control?.unsubscribe();
  }

  #onControl(delivery: Delivery): void {
    let message;
    try {
      message = decodeMessage(delivery, ['cancel', 'probe']);
    } catch (error) {
      this.#link.notify({ kind: 'malformed', reason: toError(error).message });
      return;
    }
    if (message.kind === 'probe') return;
    const execution = this.#executions.get(message.request);
    if (execution !== undefined) {
      execution.abort.abort(new DOMException('The caller no longer waits.', 'AbortError'));
      return;
    }
    // It may still lie in the queue.
    this.#cancelled.add(message.request);
    for (const oldest of this.#cancelled) {
      if (this.#cancelled.size <= mostCancelled) break;
      this.#cancelled.delete(oldest);
    }
  }

  async #onRequest(delivery: Delivery): Promise<void> {
    const request = this.#decode(delivery);
    const about = { service: this.#service, request: delivery.id };
    const running = this.#executions.get(delivery.id);
    if (running !== undefined) {
      this.#link.notify({ kind: 'duplicate', ...about });
      // Acknowledged no sooner than the first: should this process die, it is not forgotten.
      await running.done;
      return;
    }
    if (this.#cancelled.has(delivery.id)) {
      this.#link.notify({ kind: 'cancelled', ...about });
      return;
    }
    const remaining = Math.min(request.timeout, request.deadline - Date.now(), longestTimeout);
    if (!(remaining > 0)) {
      this.#link.notify({ kind: 'expired', ...about });
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(
      () => abort.abort(new DOMException('The deadline of the call has passed.', 'TimeoutError')),
      remaining,
    );
    const done = this.#serve(delivery, request, abort.signal);
    this.#executions.set(delivery.id, { abort, done });
    try {
      await done;
    } finally {
      clearTimeout(timer);
      this.#executions.delete(delivery.id);
    }
  }

  #decode(delivery: Delivery): RequestMessage {
    try {
      const request = decodeMessage(delivery, ['request']);
      if (!this.#link.names.isInbox(request.replyTo)) throw new Error('it names no address');
      if (delivery.id === '') throw new Error('it has no id');
      if (delivery.id.length > longestId) throw new Error('its id is too long');
      return request;
    } catch (error) {
      const reason = `The message is no request: ${toError(error).message}.`;
      this.#link.notify({ kind: 'malformed', reason });
      throw new DeadLetterError(reason, { cause: error });
    }
  }

  /** Never rejects: whatever comes of a request is an answer. */
  async #serve(delivery: Delivery, request: RequestMessage, signal: AbortSignal): Promise<void> {
    const { id, redelivered } = delivery;
    const method = this.#methods.get(request.method);
    let outcome: Omit<ReplyMessage, 'kind' | 'request'>;
    try {
      if (method === undefined) throw this.#unknownMethod(request.method);
      method.check(request.args);
      if (!method.idempotent) {
        const end = await this.#claims.ask({
          request: id,
          caller: request.replyTo,
          redelivered,
          signal,
        });
        if (end === 'silent') throw this.#silent(id, request.method);
        if (end === 'refused') {
          const kind = redelivered ? 'duplicate' : 'cancelled';
          this.#link.notify({ kind, service: this.#service, request: id });
          return;
        }
      }
      const call = { id, redelivered, signal, deadline: request.deadline };
      const result: unknown = await withContextOf(
        delivery.headers,
        () => callSpan('SERVER', this.#service, request.method),
        () => method.handle(request.args, call),
      );
      outcome = result === undefined ? {} : { result: result as never };
    } catch (thrown) {
      outcome = { error: this.#failure(id, request.method, toError(thrown), signal) };
    }
    // Nobody waits for it any more.
    if (signal.aborted) return;
    await this.#replies.send({ kind: 'reply', request: id, ...outcome }, request);
  }

  #failure(request: string, method: string, error: Error, signal: AbortSignal) {
    const typed = encodeError(error);
    if (typed !== undefined) return typed;
    const service = this.#service;
    if (!signal.aborted) this.#link.notify({ kind: 'failed', service, method, request, error });
    const failed = new MethodFailedError(
      'METHOD_FAILED',
      `The method ${method} of the service ${service} failed. Its log tells more under the request ${request}.`,
      { parameters: { service, method, request } },
    );
    return encodeError(failed) ?? {};
  }

  /** Should the caller still be there, this is told it. */
  #silent(request: string, method: string): UnavailableError {
    const service = this.#service;
    this.#link.notify({ kind: 'silent', service, request });
    return new UnavailableError(
      'SERVICE_UNAVAILABLE',
      `The caller did not answer whether the service ${service} may execute its request, so it was not executed. Retry later.`,
      { parameters: { service, method: method.slice(0, 64), request } },
    );
  }

  #unknownMethod(name: string): RefusedError {
    const shown = name.slice(0, 64);
    const known = [...this.#methods.keys()];
    const suggestion = nearestName(shown, known);
    return RefusedError.of(
      'UNKNOWN_METHOD',
      `The service ${this.#service} has no method '${shown}'. ` +
        (suggestion === undefined
          ? `Methods are ${known.join(', ')}.`
          : `Did you mean '${suggestion}'?`),
      { service: this.#service, method: shown, suggestion: suggestion ?? null },
    );
  }
}
