import type { SocketConstructorOpts } from 'node:net';
import { connect, type ChannelModel } from 'amqplib';
import {
  ConfigurationError,
  UnavailableError,
  type SignalboxError,
} from '../../core/errors/errors.js';
import { backoff } from '../kit/backoff.js';
import { busClosed } from '../kit/bus-closed.js';
import { currentPassword } from '../bus/credentials.js';
import { endPatience, endsInTime } from '../kit/in-time.js';
import { WakeableSleep } from '../kit/wakeable-sleep.js';
import type { BusNoticeListener } from '../bus/notice.js';
import { connectError } from './amqp-error.js';
import { closeModel, cutSocket, loseConnection } from './model-ends.js';
import { decodeHeaderFrames } from './header-frames.js';
import type { RabbitmqHost, RabbitmqSettings } from './options.js';

/** Told when a connection comes and goes. */
export interface ConnectionListener {
  up(model: ChannelModel): void;
  down(): void;
  /** Every host was tried in vain; it is tried again after a while. */
  failed(error: SignalboxError): void;
  /** The first connection was refused for a reason that retrying cannot mend. */
  refused(error: ConfigurationError): void;
  /** It was closed for good. */
  closed?(): void;
}

const firstDelay = 200;
const longestDelay = 15_000;

/**
 * One connection that is kept up: lost, it is made again with growing delays, over the configured hosts
 * in turn. amqplib's own recovery knows a single host and one kind of failure; this one tells a wrong
 * password from a broker that is away.
 */
export class AmqpConnection {
  readonly #settings: RabbitmqSettings;
  readonly #role: string;
  readonly #notify: BusNoticeListener;
  readonly #listeners = new Set<ConnectionListener>();
  #model: ChannelModel | undefined;
  #round: Promise<ChannelModel> | undefined;
  #reconnecting = false;
  #everConnected = false;
  #nextHost = 0;
  readonly #backoff = backoff(firstDelay, longestDelay);
  readonly #sleep = new WakeableSleep();
  #closed = false;
  #failure: SignalboxError | undefined;
  /** Ends the attempt to connect that is under way. */
  #connecting: AbortController | undefined;

  constructor(settings: RabbitmqSettings, role: string, notify: BusNoticeListener) {
    this.#settings = settings;
    this.#role = role;
    this.#notify = notify;
  }

  /** The live connection, if there is one now. */
  get model(): ChannelModel | undefined {
    return this.#model;
  }

  /** Why the last attempt to connect again failed; undefined while there is a connection. */
  get failure(): SignalboxError | undefined {
    return this.#failure;
  }

  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The live connection. Before the first one has been made it tries each host once; later it waits for
   * the reconnection. Rejects with ConfigurationError, or UnavailableError BUS_UNAVAILABLE.
   */
  async ready(): Promise<ChannelModel> {
    if (this.#closed) throw busClosed(this.#settings.name);
    if (this.#model !== undefined) return this.#model;
    if (!this.#everConnected) return this.#tryHosts();
    return this.#waitForReconnection();
  }

  /** Begins to connect, and goes on until it succeeds or is refused. Returns at once. */
  start(): void {
    if (this.#model === undefined) void this.#reconnect();
  }

  /**
   * Cuts the live connection: somebody who has waited knows that nobody answers on it. It is made again,
   * unless it was closed.
   */
  cut(): void {
    const model = this.#model;
    if (model !== undefined) loseConnection(model);
  }

  /** Closes it for good, within 5 s. Safe to call twice; never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sleep.wake();
    this.#connecting?.abort();
    for (const listener of this.#listeners) listener.closed?.();
    const model = this.#model;
    this.#model = undefined;
    if (model === undefined) return;
    await endsInTime(closeModel(model), endPatience);
    cutSocket(model);
  }

  /** One attempt at each host; concurrent callers share it. */
  #tryHosts(): Promise<ChannelModel> {
    this.#round ??= this.#connectToAny().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #connectToAny(): Promise<ChannelModel> {
    const { hosts } = this.#settings;
    let failure: SignalboxError | undefined;
    for (let tries = 0; tries < hosts.length && !this.#closed; tries += 1) {
      const host = hosts[this.#nextHost % hosts.length] as RabbitmqHost;
      try {
        const model = await this.#connectTo(host);
        this.#adopt(model, host);
        return model;
      } catch (cause) {
        this.#nextHost += 1;
        if (this.#closed) break;
        const error = connectError(cause, host);
        this.#notify({ kind: 'connectFailed', error, role: this.#role });
        // With several hosts, a wrong password says more than another host that is away.
        if (!(failure instanceof ConfigurationError)) failure = error;
      }
    }
    throw failure ?? busClosed(this.#settings.name);
  }

  async #connectTo(host: RabbitmqHost): Promise<ChannelModel> {
    const { name, heartbeat, connectTimeout, tls, credentials } = this.#settings;
    const { username, password } =
      credentials === undefined ? host : await currentPassword(credentials, name, connectTimeout);
    if (this.#closed) throw busClosed(name);
    this.#connecting = new AbortController();
    const { signal } = this.#connecting;
    const { ca, cert, key, passphrase, servername } = tls ?? {};
    const model = await connect(
      {
        protocol: host.secure ? 'amqps' : 'amqp',
        hostname: host.hostname,
        port: host.port,
        username,
        password,
        vhost: host.vhost,
        heartbeat,
      },
      {
        timeout: connectTimeout,
        // Of the socket, and not in amqplib's types: one that is being connected would keep the process
        // until its time is over.
        ...({ signal } satisfies SocketConstructorOpts as object),
        noDelay: true,
        keepAlive: true,
        clientProperties: { connection_name: `${name} ${this.#role}` },
        ...(ca === undefined
          ? {}
          : { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(passphrase === undefined ? {} : { passphrase }),
        ...(servername === undefined ? {} : { servername }),
      },
    );
    this.#connecting = undefined;
    decodeHeaderFrames(model);
    if (this.#closed) {
      cutSocket(model);
      throw busClosed(name);
    }
    return model;
  }

  #adopt(model: ChannelModel, host: RabbitmqHost): void {
    let reason = 'the connection closed';
    model.on('error', (error) => {
      reason = error.message;
    });
    model.on('close', (error) => {
      cutSocket(model);
      if (this.#model !== model) return;
      this.#model = undefined;
      this.#notify({ kind: 'disconnected', reason: error?.message ?? reason, role: this.#role });
      for (const listener of this.#listeners) listener.down();
      void this.#reconnect();
    });
    // Each call under way listens for the end of the connection.
    model.setMaxListeners(0);
    this.#model = model;
    this.#everConnected = true;
    this.#failure = undefined;
    this.#notify({ kind: 'connected', host: host.label, role: this.#role });
    for (const listener of this.#listeners) listener.up(model);
  }

  async #reconnect(): Promise<void> {
    if (this.#reconnecting || this.#closed) return;
    this.#reconnecting = true;
    this.#backoff.reset();
    while (!this.#closed && this.#model === undefined) {
      try {
        await this.#tryHosts();
      } catch (error) {
        if (error instanceof ConfigurationError && !this.#everConnected) {
          for (const listener of this.#listeners) listener.refused(error);
          break;
        }
        this.#failure = error as SignalboxError;
        for (const listener of this.#listeners) listener.failed(this.#failure);
        if (!this.#closed) await this.#sleep.sleep(this.#backoff.next());
      }
    }
    this.#reconnecting = false;
  }

  async #waitForReconnection(): Promise<ChannelModel> {
    const { connectTimeout, name } = this.#settings;
    let failure = this.#failure;
    return new Promise((resolve, reject) => {
      const stop = this.listen({
        up: (model) => {
          clearTimeout(timer);
          stop();
          resolve(model);
        },
        down: () => {},
        failed: (error) => (failure = error),
        refused: () => {},
        closed: () => {
          clearTimeout(timer);
          stop();
          reject(busClosed(name));
        },
      });
      const timer = setTimeout(() => {
        stop();
        reject(
          new UnavailableError(
            'BUS_UNAVAILABLE',
            `The bus ${name} has lost its broker and not found it again within ${connectTimeout} ms. ${failure?.message ?? 'Retry later.'}`,
            { parameters: { bus: name }, ...(failure === undefined ? {} : { cause: failure }) },
          ),
        );
      }, connectTimeout);
    });
  }
}
