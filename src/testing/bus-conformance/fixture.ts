import type { Bus, BusCapabilities } from '../../delivery/bus/bus.js';

/** A place of its own for one test of the conformance suite, such as a fresh exchange. */
export interface BusFixture {
  /**
   * A bus at this place. Called more than once, it stands for several processes: what one publishes,
   * the others can subscribe to. A bus inside the process may return the same one each time.
   */
  connect(): Promise<Bus> | Bus;
  /**
   * Breaks every connection of the buses, as a network or a broker would. Where it is absent,
   * `untried.interrupt` says why.
   */
  readonly interrupt?: () => Promise<void>;
  /** Closes the buses and removes what they made. */
  dispose(): Promise<void>;
}

/** A precondition of a test: a capability of the adapter, or a place that can break connections. */
export type ConformanceNeed = keyof BusCapabilities | 'interrupt' | 'removePool';

/** Options of the conformance suite: the adapter and its place. */
export interface BusConformanceOptions {
  /** Makes a place of its own for each test. */
  readonly open: () => Promise<BusFixture> | BusFixture;
  /** Capabilities that the adapter declares, such as `rabbitmq({ url }).capabilities`; the suite tests them. */
  readonly capabilities: BusCapabilities;
  /**
   * Preconditions that this place lacks, with the reason: there is no connection to break, or the broker
   * is a mock. Its tests are listed as lacking, and show that the call is refused where there is one.
   */
  readonly untried?: Readonly<Partial<Record<'interrupt' | 'removePool', string>>>;
  /** How many patterns one subscription is tried with. Default 10,000. */
  readonly manyPatterns?: number;
}

/** One test of the suite: run it with any test runner. */
export interface ConformanceTest {
  /** The property that holds; it begins with what is lacking, where something is. */
  readonly name: string;
  /**
   * Preconditions that the adapter or the place lacks, with the reason. The test then shows the lack and
   * not the property: list it, or count it, rather than pass over it.
   */
  readonly lacks?: { readonly need: ConformanceNeed; readonly reason: string };
  /** Rejects when it does not hold. */
  readonly run: () => Promise<void>;
}

/** The body of a test, with a bus that is connected. */
export type ConformanceBody = (
  bus: Bus,
  fixture: BusFixture,
  options: BusConformanceOptions,
) => Promise<void>;

/** A test that only some adapters can pass. */
export interface ConditionalBody {
  readonly need: ConformanceNeed;
  /** Shows the property where the need is met. */
  readonly body: ConformanceBody;
  /** Shows what happens instead where it is not. */
  readonly otherwise: ConformanceBody;
}

/** Part of the suite: bodies by the property that they show. */
export type ConformanceGroup = Readonly<Record<string, ConformanceBody | ConditionalBody>>;
