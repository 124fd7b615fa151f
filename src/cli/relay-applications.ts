import type { DataSource } from 'typeorm';
import { originSource } from '../context/origin-source.js';
import { ConfigurationError } from '../core/errors/errors.js';
import type { Bus } from '../delivery/bus/bus.js';
import { cloudEvents } from '../delivery/formats/cloudevents.js';
import { registerBuses } from '../delivery/relay/register-buses.js';
import { createOutboxRelay, type Relay } from '../delivery/relay/relay.js';
import type { RelayNotice } from '../delivery/relay/relay-notice.js';
import type { RelayOptions } from '../delivery/relay/relay-options.js';
import { wakeListener } from '../delivery/relay/wake.js';
import { Wakeup } from '../delivery/kit/wakeup.js';
import {
  type Application,
  firstApplication,
  listApplications,
  registerApplication,
} from '../persistence/application.js';
import { openStore } from '../persistence/open-store.js';

/** Milliseconds between two looks for applications that have come. */
const lookEvery = 5000;

/** Parts of the relays of one database. */
export interface ApplicationRelaysSetup {
  readonly dataSource: DataSource;
  readonly buses: readonly Bus[];
  /** The one to relay for; default every one whose buses these are, also those that come later. */
  readonly application: string | undefined;
  readonly source: string;
  readonly options: RelayOptions;
  readonly listener: (notice: RelayNotice, application: Application) => void;
  /** Told of an application whose buses lead elsewhere, and that is left out. */
  readonly onLeftOut: (application: Application, error: ConfigurationError) => void;
}

/** Relays the outbox of each application of a database, by a relay of its own. */
export class ApplicationRelays {
  readonly #setup: ApplicationRelaysSetup;
  readonly #relays = new Map<number, Relay>();
  readonly #leftOut = new Set<number>();
  readonly #wakeup = new Wakeup();
  #stopping = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(setup: ApplicationRelaysSetup) {
    this.#setup = setup;
  }

  /**
   * Starts a relay for each application that is there. Rejects with ConfigurationError
   * BUS_REGISTERED_OTHERWISE when the buses of all of them lead elsewhere.
   */
  async start(): Promise<void> {
    const refused = await this.#look();
    if (this.#relays.size === 0 && refused !== undefined) throw refused;
    if (this.#setup.application === undefined) this.#looking = this.#keepLooking();
  }

  /** Ends every relay. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeup.set();
    await this.#looking;
    await Promise.all([...this.#relays.values()].map((relay) => relay.stop()));
  }

  async #keepLooking(): Promise<void> {
    while (!this.#stopping) {
      await this.#wakeup.wait(lookEvery);
      // The database may be away: the relays tell of it.
      if (!this.#stopping) await this.#look().catch(() => undefined);
    }
  }

  /** Starts what is not relayed yet; resolves with why the last one was left out. */
  async #look(): Promise<ConfigurationError | undefined> {
    let refused: ConfigurationError | undefined;
    for (const application of await this.#applications()) {
      if (this.#relays.has(application.id)) continue;
      try {
        await this.#serve(application);
        this.#leftOut.delete(application.id);
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        refused = error;
        if (!this.#leftOut.has(application.id)) this.#setup.onLeftOut(application, error);
        this.#leftOut.add(application.id);
      }
    }
    return refused;
  }

  async #applications(): Promise<readonly Application[]> {
    const { dataSource, application } = this.#setup;
    if (application !== undefined) return [await registerApplication(dataSource, application)];
    const known = await listApplications(dataSource);
    // Processes of an earlier release write as the first one, and do not register.
    return known.length === 0 ? [firstApplication] : known;
  }

  async #serve(application: Application): Promise<void> {
    const { dataSource, buses, source, options, listener } = this.#setup;
    const store = openStore(dataSource, application);
    await registerBuses(store.outbox, buses);
    const relay = createOutboxRelay({
      store,
      buses,
      format: cloudEvents,
      origin: originSource(source),
      wake: wakeListener(dataSource),
      options,
      listener: (notice) => listener(notice, application),
    });
    this.#relays.set(application.id, relay);
    relay.start();
  }
}
