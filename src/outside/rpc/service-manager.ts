import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import { callback, field, required, whole } from '../../core/options/fields.js';
import { busField } from '../../delivery/bus/bus-fields.js';
import type { Bus } from '../../delivery/bus/bus.js';
import { ConfigurationError, ClosedError } from '../../core/errors/errors.js';
import { Caller, longestTimeout } from './caller.js';
import { Claims } from './claims.js';
import { Link } from './link.js';
import { compileMethods } from './method.js';
import { assertServiceName, rootField, rpcNames } from './names.js';
import { rpcNotifier, type RpcNoticeListener } from './notice.js';
import type { ServiceErrorClass } from './service-error.js';
import { ServiceServer } from './service-server.js';
import type {
  CallOptions,
  CallParameters,
  Client,
  Implementation,
  ResultOf,
  UntypedServices,
} from './service-types.js';

/** How a ServiceManager uses its bus. */
export interface ServiceManagerOptions {
  /**
   * Carries requests and answers. It stays open when the manager closes. Give services an exchange of
   * their own where subscribers take everything (`#`): they would take requests too.
   */
  readonly bus: Bus;
  /** How routing keys begin; services of one root find each other. Default `rpc`. */
  readonly root?: string;
  /** Milliseconds that a call waits when it does not say. Default 30,000. */
  readonly timeout?: number;
  /**
   * Bytes that arguments or a result may take, as JSON. Default 8 MiB; what the broker allows comes on
   * top (RabbitMQ 16 MiB, NATS 1 MiB). Larger ones are refused with PAYLOAD_TOO_LARGE.
   */
  readonly payloadLimit?: number;
  /** Subclasses of ServiceError that calls throw, by code. Default none: they throw ServiceError. */
  readonly errors?: Readonly<Record<string, ServiceErrorClass>>;
  /** Told of faults of methods, and of requests that were not executed. */
  readonly on?: RpcNoticeListener;
}

/** How a service is exposed. */
export interface ExposeOptions {
  /**
   * Requests that this process executes at once, 1 to 2000. Default 16. Also how many the broker gives
   * it ahead; the rest waits for whichever server is free first.
   */
  readonly concurrency?: number;
}

export const serviceManagerSchema = optionsOf<ServiceManagerOptions>('ServiceManager', {
  bus: required(busField),
  root: rootField,
  timeout: whole(1, longestTimeout),
  payloadLimit: whole(1, 2 ** 31),
  errors: field(
    'subclasses of ServiceError by code',
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every((each) => typeof each === 'function'),
  ),
  on: callback,
});

export const exposeSchema = optionsOf<ExposeOptions>('expose()', { concurrency: whole(1, 2000) });

/** A service that this process serves. */
export interface ExposedService extends AsyncDisposable {
  /**
   * Takes no more requests, and resolves when those under way are answered. Safe to call twice. With
   * `{ removePool: true }` the queue of the service goes too: for a service that is given up.
   */
  close(options?: { readonly removePool?: boolean }): Promise<void>;
}

/**
 * Request and reply over any bus: exposes services of this process, and calls those of others. Servers
 * of one service share its requests. A method is executed at most once unless it is declared
 * idempotent; see `docs/rpc.md` for what that takes.
 *
 * @example
 * interface Services { volumes: { attach(args: { volume: string }): { device: string } } }
 *
 * const services = new ServiceManager<Services>({ bus });
 * await services.expose('volumes', { attach: async ({ volume }) => ({ device: 'vda' }) });
 * const { device } = await services.client('volumes').attach({ volume: 'v1' });
 */
export class ServiceManager<Services extends object = UntypedServices> implements AsyncDisposable {
  readonly #link: Link;
  readonly #claims: Claims;
  readonly #caller: Caller;
  readonly #servers = new Map<string, ServiceServer>();
  #closing: Promise<void> | undefined;

  /** Throws ConfigurationError CONFIG_VALUE_INVALID. Nothing is sent before the first call or expose. */
  constructor(options: ServiceManagerOptions) {
    checkOptions(serviceManagerSchema, options);
    const { bus, root = 'rpc', timeout = 30_000, errors = {}, on } = options;
    const { payloadLimit = 8 * 1024 * 1024 } = options;
    const notify = rpcNotifier(on);
    this.#link = new Link({ bus, names: rpcNames(root), notify, limit: payloadLimit });
    this.#claims = new Claims(this.#link);
    this.#caller = new Caller(this.#link, { timeout, errors });
    this.#link.onAnswer((answer) => {
      if (answer.kind === 'reply') this.#caller.receiveReply(answer);
      else if (answer.kind === 'claim') this.#caller.receiveClaim(answer);
      else this.#claims.receive(answer);
    });
  }

  /**
   * Serves a service until closed: from now on this process executes its share of the requests. Rejects
   * with ConfigurationError CONFIG_VALUE_INVALID for a name or handlers that cannot be, or a service
   * that this manager exposes already; else as the bus does.
   */
  async expose<Service extends keyof Services & string>(
    service: Service,
    handlers: Implementation<Services[Service]>,
    options: ExposeOptions = {},
  ): Promise<ExposedService> {
    if (this.#closing !== undefined) throw closedError();
    assertServiceName(service);
    checkOptions(exposeSchema, options);
    const { concurrency = 16 } = options;
    if (this.#servers.has(service)) throw exposedTwice(service);
    const methods = await compileMethods(service, handlers);
    const server = new ServiceServer({ link: this.#link, claims: this.#claims, service, methods });
    if (this.#servers.has(service)) throw exposedTwice(service);
    this.#servers.set(service, server);
    try {
      await server.start(concurrency);
    } catch (error) {
      this.#servers.delete(service);
      throw error;
    }
    const close: ExposedService['close'] = async (options) => {
      await server.close(options);
      if (this.#servers.get(service) === server) this.#servers.delete(service);
    };
    if (this.#closing !== undefined) await close();
    return { close, [Symbol.asyncDispose]: () => close() };
  }

  /**
   * Calls a method of a service, wherever it is served. Resolves with its result. Rejects with
   *
   * - what the method threw, if that is a SignalboxError or a ServiceError, of its class again, else
   *   with MethodFailedError METHOD_FAILED;
   * - RefusedError UNKNOWN_METHOD, ARGUMENTS_INVALID, PAYLOAD_NOT_JSON or PAYLOAD_TOO_LARGE: nothing
   *   was executed, unless the result was what was too large;
   * - UnavailableError SERVICE_UNAVAILABLE when no server is there: nothing was executed;
   * - UnavailableError CALL_TIMEOUT when no answer came in time and it is safe to call again;
   * - OutcomeUnknownError when the method had begun, and its server died or did not answer in time;
   * - UnavailableError BUS_UNAVAILABLE, ClosedError;
   * - the reason of the signal that aborted.
   */
  call<Service extends keyof Services & string, Method extends keyof Services[Service] & string>(
    service: Service,
    method: Method,
    ...[args, options]: CallParameters<Services[Service][Method]>
  ): Promise<ResultOf<Services[Service][Method]>> {
    const result = this.#caller.call(service, method, args, options);
    return result as Promise<ResultOf<Services[Service][Method]>>;
  }

  /**
   * A service as an object whose methods are calls. Pure: connects to nothing.
   *
   * @param defaults for each call that does not say otherwise
   */
  client<Service extends keyof Services & string>(
    service: Service,
    defaults: CallOptions = {},
  ): Client<Services[Service]> {
    const methods = new Map<string, unknown>();
    const find = (_target: object, name: string | symbol): unknown => {
      // An object with a method then would be taken for a promise.
      if (typeof name === 'symbol' || name === 'then') return undefined;
      let call = methods.get(name);
      if (call === undefined) {
        call = (args: unknown, options: CallOptions = {}) =>
          this.#caller.call(service, name, args, { ...defaults, ...options });
        methods.set(name, call);
      }
      return call;
    };
    return new Proxy(Object.freeze({}), { get: find }) as Client<Services[Service]>;
  }

  /**
   * Finishes and answers the requests under way, then rejects the calls under way with CLOSED and tells
   * their servers to stop. The bus stays open. Safe to call twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // Methods under way may call others, so calls go on until they have returned.
    await Promise.all([...this.#servers.values()].map((server) => server.close()));
    await this.#caller.close();
    await this.#link.close();
  }
}

function closedError(): ClosedError {
  return new ClosedError('CLOSED', 'The ServiceManager is closed. Create a new one.');
}

function exposedTwice(service: string): ConfigurationError {
  return new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `The service ${service} is exposed by this manager already. Close it first, or raise its concurrency.`,
    { parameters: { key: 'service', value: service } },
  );
}
