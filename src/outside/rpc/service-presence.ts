import type { Link } from './link.js';

/** Milliseconds for which a server that has answered is taken to be there. */
const trusted = 5_000;

/**
 * Whether a service has a server. A pool keeps requests while no member is there, so that a request is
 * routed tells nothing; the key on which every server listens for itself does. It is asked when nothing
 * was heard of the service for a while. Where the transport cannot tell, every service is taken to be
 * there.
 */
export class ServicePresence {
  readonly #link: Link;
  readonly #heard = new Map<string, number>();
  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** A server of the service has answered. */
  heard(service: string): void {
    this.#heard.set(service, performance.now());
  }

  /** The service was not there after all. */
  missed(service: string): void {
    this.#heard.delete(service);
  }

  /** Rejects as the bus does. */
  async served(service: string): Promise<boolean> {
    if (!this.#link.bus.capabilities.reportsUnroutable) return true;
    const heard = this.#heard.get(service);
    if (heard !== undefined && performance.now() - heard < trusted) return true;
    let asked = this.#asking.get(service);
    if (asked === undefined) {
      asked = this.#ask(service).finally(() => this.#asking.delete(service));
      this.#asking.set(service, asked);
    }
    return asked;
  }

  async #ask(service: string): Promise<boolean> {
    const key = this.#link.names.controlKey(service);
    const { routed } = await this.#link.send({ kind: 'probe' }, { key });
    if (routed) this.heard(service);
    else this.missed(service);
    return routed;
  }
}
