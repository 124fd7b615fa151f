import { cloudStackEventTypes } from '../../../machines/index.js';
import assert from 'node:assert/strict';
import type { DataSource } from 'typeorm';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { demoResources } from '../../../src/cli/demo/entities.js';
import { connectDatabase } from '../../../src/config/connect-database.js';
import { createSignalbox } from '../../../src/signalbox/create-signalbox.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import type { RelayNotice } from '../../../src/delivery/relay/relay-notice.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import { migrate } from '../../../src/persistence/migrations/migrate.js';
import { migrations } from '../../../src/persistence/migrations/migrations.js';
import { deliveryFaults } from '../../../src/testing/index.js';
import { eventually } from '../../support/eventually.js';
import type { FaultBus } from './fault-buses.js';
import { machineRows } from './machine-rows.js';
import { random, type Random } from './random.js';
import { RandomWork } from './random-work.js';

/** Where a world is, and how it is made up. */
export interface FaultWorldOptions {
  readonly seed: number;
  /** An empty database, as TypeORM's postgres driver takes it. */
  readonly database: string;
  /** Called once for each of its two processes' worth. */
  readonly bus: FaultBus;
  readonly pause?: number;
}

/**
 * A database, a broker, two processes' worth of Signalbox with a relay each, a pool that writes down what
 * it is given, and random work. `settle` is the checker: it compares all of them with the model.
 */
export class FaultWorld implements AsyncDisposable {
  readonly random: Random;
  readonly work: RandomWork;
  readonly dataSource: DataSource;
  readonly notices: (RelayNotice | BusNotice)[] = [];
  readonly #delivered: SignalboxEvent[] = [];
  /** Ids that were committed before `reset`: a broker that missed an acknowledgement gives them again. */
  #former: ReadonlySet<string> = new Set();
  readonly #sources: DataSource[];
  readonly #buses: Bus[];
  readonly #signalboxes: Signalbox[];

  private constructor(parts: {
    readonly options: FaultWorldOptions;
    readonly sources: DataSource[];
    readonly buses: Bus[];
    readonly signalboxes: Signalbox[];
    readonly notices: (RelayNotice | BusNotice)[];
    readonly delivered: SignalboxEvent[];
  }) {
    const { options, sources, buses, signalboxes, notices, delivered } = parts;
    this.random = random(options.seed);
    this.#sources = sources;
    this.#buses = buses;
    this.#signalboxes = signalboxes;
    this.#delivered = delivered;
    this.notices = notices;
    [this.dataSource] = sources as [DataSource];
    this.work = new RandomWork({
      signalbox: signalboxes[0] as Signalbox,
      dataSource: this.dataSource,
      random: this.random.branch(),
      pause: options.pause ?? 3,
    });
  }

  static async open(options: FaultWorldOptions): Promise<FaultWorld> {
    const notices: (RelayNotice | BusNotice)[] = [];
    const delivered: SignalboxEvent[] = [];
    const sources: DataSource[] = [];
    const buses: Bus[] = [];
    const signalboxes: Signalbox[] = [];
    for (let index = 0; index < 2; index += 1) {
      const dataSource = await connectDatabase(options.database, {
        entities: [...demoResources],
        migrations: [...migrations],
        poolSize: 8,
      });
      sources.push(dataSource);
      if (index === 0) {
        await dataSource.synchronize();
        await migrate(dataSource);
      }
      const bus = options.bus((notice) => void notices.push(notice));
      buses.push(bus);
      signalboxes.push(
        await createSignalbox({
          dataSource,
          source: 'management-server',
          eventTypes: cloudStackEventTypes,
          resources: demoResources,
          bus,
          deadlines: false,
          relay: { leaseDuration: 2000, maxRetryDelay: 1000 },
          onRelayNotice: (notice) => void notices.push(notice),
        }),
      );
    }
    for (const signalbox of signalboxes) {
      await signalbox.subscribe('#', (event) => void delivered.push(event), {
        pool: 'all',
        concurrency: 8,
      });
    }
    return new FaultWorld({ options, sources, buses, signalboxes, notices, delivered });
  }

  /** Resolves when so many more changes were made. */
  async changes(count: number): Promise<void> {
    const target = this.work.done + count;
    await eventually(
      () => {
        if (this.work.done < target) throw new Error(`${target - this.work.done} changes to go`);
      },
      { deadline: 120_000 },
    );
  }

  /**
   * Waits until everything committed so far has been delivered, then compares: the journal with what the
   * workers were told, the deliveries with the journal, the rows with both.
   *
   * @param what Named when it fails.
   */
  async settle(what: string): Promise<void> {
    await this.work.stop();
    await eventually(
      async () => {
        const { pending } = await (this.#signalboxes[0] as Signalbox).outboxDepth();
        if (pending > 0) throw new Error(`${what}: ${pending} events are still in the outbox`);
      },
      { deadline: 90_000, every: 100 },
    );
    const committed = await this.journal();
    // Between the exchange that one process makes again and its bindings, another may publish: such events
    // are told as unroutable, and whoever cannot lose them holds them. Nothing else may be missing.
    const aside = what.includes('exchange is deleted') ? this.#unroutable() : [];
    const isReplayed = await this.#allArrived(what, committed, aside);
    const rows = await machineRows(this);
    const came = this.#delivered.filter(({ id }) => !this.#former.has(id));
    const delivered = isReplayed ? inOrderOf(committed, came) : came;
    const faults = [
      ...this.work.faults(committed),
      ...deliveryFaults({ committed, delivered, rows, aside }).map(({ message }) => message),
    ];
    assert.deepEqual(faults, [], what);
  }

  /**
   * Resolves when everything has arrived: with true when a replay was needed. NATS 2.9 may lose what it has
   * confirmed when a leader falls. Then that must have been told, and what is replayed comes late.
   */
  async #allArrived(
    what: string,
    committed: readonly SignalboxEvent[],
    aside: readonly string[],
  ): Promise<boolean> {
    try {
      await this.#arrived(what, committed, aside);
      return false;
    } catch (error) {
      if (!this.notices.some((notice) => 'kind' in notice && notice.kind === 'sequenceReused')) {
        throw error;
      }
      await (this.#signalboxes[0] as Signalbox).replay('#', { pool: 'all' });
      await this.#arrived(`${what}, replayed`, committed, aside);
      return true;
    }
  }

  async #arrived(
    what: string,
    committed: readonly SignalboxEvent[],
    aside: readonly string[],
  ): Promise<void> {
    await eventually(
      () => {
        const came = new Set([...this.#delivered.map(({ id }) => id), ...aside]);
        const missing = committed.filter(({ id }) => !came.has(id)).length;
        if (missing > 0) throw new Error(`${what}: ${missing} events have not arrived`);
      },
      { deadline: 60_000, every: 100 },
    );
  }

  /** Forgets everything, in the database too, once it has settled: a long run begins anew with it. */
  async reset(): Promise<void> {
    this.#former = new Set((await this.journal()).map(({ id }) => id));
    await this.dataSource.query('DELETE FROM demo_virtual_machine');
    await this.dataSource.query('DELETE FROM signalbox_journal');
    this.work.forget();
    this.#delivered.length = 0;
    this.notices.length = 0;
  }

  /** Ids of events that a relay told as wanted by nobody. */
  #unroutable(): readonly string[] {
    return this.notices.flatMap((notice) =>
      'type' in notice && notice.kind === 'unroutable' ? [notice.id] : [],
    );
  }

  async journal(): Promise<readonly SignalboxEvent[]> {
    const rows: { payload: string }[] = await this.dataSource.query(
      'SELECT payload FROM signalbox_journal ORDER BY position',
    );
    return rows.map(({ payload }) => JSON.parse(payload) as SignalboxEvent);
  }

  /** How many deliveries there were, repetitions counted too. */
  get deliveries(): number {
    return this.#delivered.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.work.stop().catch(() => undefined);
    for (const signalbox of this.#signalboxes) await signalbox.close();
    for (const bus of this.#buses) await bus.close();
    for (const dataSource of this.#sources) await dataSource.destroy();
  }
}

/** What came, each once, in the order of the journal; behind it, what the journal does not know. */
function inOrderOf(
  committed: readonly SignalboxEvent[],
  came: readonly SignalboxEvent[],
): readonly SignalboxEvent[] {
  const byId = new Map(came.map((event) => [event.id, event]));
  const known = committed.flatMap(({ id }) => byId.get(id) ?? []);
  const ids = new Set(committed.map(({ id }) => id));
  return [...known, ...came.filter(({ id }) => !ids.has(id))];
}
