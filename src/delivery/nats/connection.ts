import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { UnavailableError, type SignalboxError } from '../../core/errors/errors.js';
import { busClosed } from '../kit/bus-closed.js';
import type { BusNoticeListener } from '../bus/notice.js';
import { aroundDials, FreshCredentials } from './credentials.js';
import { connectError } from './nats-error.js';
import type { NatsSettings } from './options.js';

/** A connection with its JetStream. */
export interface NatsLink {
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
}

/** Milliseconds for one attempt to connect, and for one request about a stream. */
const patience = 5_000;

/**
 * The connection of a bus. Made by the first that needs it; lost, the client makes it again by itself and
 * subscribes again to what was subscribed, for as long as it takes.
 */
export class NatsConnector {
  readonly #settings: NatsSettings;
  readonly #notify: BusNoticeListener;
  readonly #onBack = new Set<() => void>();
  readonly #onGone = new Set<() => void>();
  #link: Promise<NatsLink> | undefined;
  #up = false;
  /** Why the last attempt to connect again failed. */
  #failure: SignalboxError | undefined;
  #closed = false;

  constructor(settings: NatsSettings, notify: BusNoticeListener) {
    this.#settings = settings;
    this.#notify = notify;
  }

  /**
   * The connection, which is up. Rejects with ConfigurationError, or UnavailableError BUS_UNAVAILABLE at
   * once while the client is looking for the server: what is sent then may be lost unseen.
   */
  async ready(): Promise<NatsLink> {
    if (this.#closed) throw busClosed(this.#settings.name);
    this.#link ??= this.#connect().catch((error: unknown) => {
      this.#link = undefined;
      throw error;
    });
    const link = await this.#link;
    if (!this.#up) throw this.#lost();
    return link;
  }

  /** Rejects as soon as the connection breaks: the client would wait for an answer that cannot come. */
  async unlessGone<T>(work: Promise<T>): Promise<T> {
    let stop: (() => void) | undefined;
    const gone = new Promise<never>((_, reject) => {
      const listener = (): void => reject(new Error('the connection broke'));
      // It may have broken between what was asked and here.
      if (!this.#up) listener();
      stop = this.onGone(listener);
    });
    try {
      return await Promise.race([work, gone]);
    } finally {
      stop?.();
      work.catch(() => undefined);
    }
  }

  /** Calls `listener` whenever the connection breaks. Returns how to stop that. */
  onGone(listener: () => void): () => void {
    this.#onGone.add(listener);
    return () => this.#onGone.delete(listener);
  }

  /** Calls `listener` whenever the connection is back. Returns how to stop that. */
  onBack(listener: () => void): () => void {
    this.#onBack.add(listener);
    return () => this.#onBack.delete(listener);
  }

  /** Closes it for good. Safe to call twice; never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    const link = await this.#link?.catch(() => undefined);
    await link?.nats.close().catch(() => undefined);
  }

  async #connect(): Promise<NatsLink> {
    const { servers, credentials, provider, secure, tls, name } = this.#settings;
    const fresh =
      provider === undefined ? undefined : new FreshCredentials(provider, name, patience);
    let nats: NatsConnection;
    try {
      await fresh?.refresh();
      if (this.#closed) throw busClosed(name);
      nats = await connect({
        ...credentials,
        ...(fresh === undefined ? {} : { authenticator: fresh.authenticator }),
        servers: [...servers],
        name,
        timeout: patience,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        // A line that swallows everything is given up within a minute; by default, in six.
        pingInterval: 20_000,
        maxPingOut: 2,
        // A password that is being changed must not end what would go on with the next one.
        ignoreAuthErrorAbort: true,
        ...(secure || Object.keys(tls).length > 0 ? { tls: { ...tls } } : {}),
      });
    } catch (cause) {
      const error = connectError(cause, servers);
      this.#notify({ kind: 'connectFailed', error, role: 'client' });
      throw error;
    }
    this.#up = true;
    aroundDials(
      nats,
      async () => fresh?.refresh(),
      (cause) => this.#failed(connectError(cause, servers)),
    );
    void this.#watch(nats);
    this.#notify({ kind: 'connected', host: nats.getServer(), role: 'client' });
    const manager = await jetstreamManager(nats, { checkAPI: false, timeout: patience });
    return { nats, manager };
  }

  async #watch(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect') {
        this.#up = false;
        this.#notify({ kind: 'disconnected', reason: 'the connection broke', role: 'client' });
        for (const listener of this.#onGone) listener();
      } else if (status.type === 'reconnect') {
        this.#up = true;
        this.#failure = undefined;
        this.#notify({ kind: 'connected', host: status.server, role: 'client' });
        for (const listener of this.#onBack) listener();
      }
    }
  }

  /** The client tries four times a second: what is the same as before is told once. */
  #failed(error: SignalboxError): void {
    const isKnown = this.#failure?.message === error.message;
    this.#failure = error;
    if (!isKnown && !this.#closed) this.#notify({ kind: 'connectFailed', error, role: 'client' });
  }

  #lost(): UnavailableError {
    const { name } = this.#settings;
    const failure = this.#failure;
    return new UnavailableError(
      'BUS_UNAVAILABLE',
      `The bus ${name} has lost its server. ${failure?.message ?? 'Retry later.'}`,
      { parameters: { bus: name }, ...(failure === undefined ? {} : { cause: failure }) },
    );
  }
}
