import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import { signal as signalField, whole } from '../../core/options/fields.js';
import { v7 as uuidv7 } from 'uuid';
import type { BusMessage } from '../../delivery/bus/bus.js';
import { ClosedError, UnavailableError } from '../../core/errors/errors.js';
import type { JsonValue } from '../../core/json/json.js';
import { inSpan } from '../../context/span.js';
import { callSpan } from './rpc-spans.js';
import { contextHeaders } from './context-headers.js';
import { decodeError } from './error-wire.js';
import type { Link } from './link.js';
import { assertServiceName } from './names.js';
import { PendingCall } from './pending-call.js';
import type { ServiceErrorClass } from './service-error.js';
import { ServicePresence } from './service-presence.js';
import type { CallOptions } from './service-types.js';
import type { ClaimMessage, ReplyMessage } from './wire.js';

/** A broker takes a delivery away that is held for 30 minutes; so long none may be asked for. */
export const longestTimeout = 25 * 60_000;

export const callSchema = optionsOf<CallOptions>('a call', {
  timeout: whole(1, longestTimeout),
  signal: signalField,
});

/**
 * Grants under way at once. A claim that comes beyond them is not answered; its server makes it again
 * after a second. Those of requests that nobody waits for have a part of their own, so that a flood of
 * them leaves the others theirs.
 */
const mostGrants = { ofCalls: 200, ofOthers: 20 };

/**
 * Calls methods of services. It also decides which server may execute a request: of all the times that
 * a request is taken up, it grants one, and only while its caller waits. That is what makes a call
 * execute at most once, whatever the broker delivers twice.
 */
export class Caller {
  readonly #link: Link;
  readonly #timeout: number;
  readonly #errors: Readonly<Record<string, ServiceErrorClass>>;
  readonly #presence: ServicePresence;
  readonly #pending = new Map<string, PendingCall>();
  readonly #granting = { ofCalls: 0, ofOthers: 0 };
  readonly #cancellations = new Set<Promise<unknown>>();
  #closed = false;

  constructor(
    link: Link,
    options: {
      readonly timeout: number;
      readonly errors: Readonly<Record<string, ServiceErrorClass>>;
    },
  ) {
    this.#link = link;
    this.#timeout = options.timeout;
    this.#errors = options.errors;
    this.#presence = new ServicePresence(link);
  }

  async call(
    service: string,
    method: string,
    args: unknown,
    options: CallOptions = {},
  ): Promise<JsonValue | undefined> {
    if (this.#closed) throw closedError();
    assertServiceName(service);
    checkOptions(callSchema, options);
    return inSpan(
      () => callSpan('CLIENT', service, method),
      () => this.#call(service, method, args, options),
    );
  }

  async #call(
    service: string,
    method: string,
    args: unknown,
    { timeout = this.#timeout, signal }: CallOptions,
  ): Promise<JsonValue | undefined> {
    signal?.throwIfAborted();
    const call = new PendingCall({
      id: uuidv7(),
      service,
      method,
      timeout,
      signal,
      onAbandon: (abandoned) => this.#cancel(abandoned),
    });
    this.#pending.set(call.id, call);
    try {
      const request = this.#request(call, args, timeout);
      // The call may time out or be aborted while it is still being sent.
      void this.#send(call, request).catch((error: unknown) => call.reject(error));
      return await call.outcome;
    } finally {
      this.#pending.delete(call.id);
      call.end();
    }
  }

  /** Takes the answer of a server. One that nobody waits for any more is dropped. */
  receiveReply(reply: ReplyMessage): void {
    const call = this.#pending.get(reply.request);
    if (call === undefined) return;
    this.#presence.heard(call.service);
    if (reply.error === undefined) {
      call.resolve(reply.result);
      return;
    }
    const error = decodeError(reply.error, this.#errors);
    if (error !== undefined) call.reject(error);
    else this.#link.notify({ kind: 'malformed', reason: 'the error of a reply is none' });
  }

  /** Grants or refuses a server the execution of a request. */
  receiveClaim({ request, claim, replyTo, redelivered }: ClaimMessage): void {
    if (!this.#link.names.isInbox(replyTo)) {
      this.#link.notify({ kind: 'malformed', reason: 'a claim names no address' });
      return;
    }
    const call = this.#pending.get(request);
    const part = call === undefined ? 'ofOthers' : 'ofCalls';
    if (this.#granting[part] >= mostGrants[part]) return;
    this.#granting[part] += 1;
    const granted = call?.claim(claim, redelivered) ?? false;
    // A grant that is lost is claimed again.
    void this.#link
      .send({ kind: 'grant', claim, granted }, { key: replyTo })
      .catch(() => undefined)
      .finally(() => (this.#granting[part] -= 1));
  }

  /** Rejects what is under way with CLOSED, and tells its servers to stop. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const call of this.#pending.values()) call.abandon(closedError());
    await Promise.all(this.#cancellations);
  }

  #request(call: PendingCall, args: unknown, timeout: number): BusMessage {
    const { id, service, method } = call;
    // What is no JSON is refused here, in the caller's own stack.
    return this.#link.prepare(
      {
        kind: 'request',
        method,
        ...(args === undefined ? {} : { args: args as JsonValue }),
        replyTo: this.#link.address,
        deadline: Date.now() + timeout,
        timeout,
      },
      { key: this.#link.names.requestKey(service), id, headers: contextHeaders() },
    );
  }

  async #send(call: PendingCall, request: BusMessage): Promise<void> {
    await this.#link.open();
    if (!(await this.#presence.served(call.service))) throw unavailable(call);
    if (!call.begin()) return;
    const { routed } = await this.#link.bus.publish(request);
    if (routed) return;
    this.#presence.missed(call.service);
    throw unavailable(call);
  }

  /** Best effort: a server that does not hear it stops at the deadline. */
  #cancel({ id, service, begun }: PendingCall): void {
    if (!begun) return;
    const key = this.#link.names.controlKey(service);
    const cancellation = this.#link
      .send({ kind: 'cancel', request: id }, { key })
      .catch(() => undefined)
      .finally(() => this.#cancellations.delete(cancellation));
    this.#cancellations.add(cancellation);
  }
}

function unavailable({ service, method, id }: PendingCall): UnavailableError {
  return new UnavailableError(
    'SERVICE_UNAVAILABLE',
    `No server of the service ${service} is there, so ${method} was not executed. Retry later, or start one.`,
    { parameters: { service, method, request: id } },
  );
}

function closedError(): ClosedError {
  return new ClosedError('CLOSED', 'The ServiceManager is closed. Create a new one.');
}
