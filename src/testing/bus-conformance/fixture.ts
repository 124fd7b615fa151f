import type { Bus } from '../../bus/bus.js';

/** A place of its own for one test of the conformance suite, such as a fresh exchange. */
export interface BusFixture {
  /**
   * A bus at this place. Called more than once, it stands for several processes: what one publishes,
   * the others can subscribe to. A bus inside the process may return the same one each time.
   */
  connect(): Promise<Bus> | Bus;
  /** Breaks every connection of the buses, as a network or a broker would. Absent where none exist. */
  interrupt?(): Promise<void>;
  /** Closes the buses and removes what they made. */
  dispose(): Promise<void>;
}

/** What the suite needs to know of an adapter. */
export interface BusConformanceOptions {
  /** Makes a place of its own for each test. */
  readonly open: () => Promise<BusFixture> | BusFixture;
  /** How many patterns one subscription is tried with. Default 10,000. */
  readonly manyPatterns?: number;
}

/** One test of the suite: run it with any test runner. */
export interface ConformanceTest {
  /** The property that holds. */
  readonly name: string;
  /** Rejects when it does not. */
  readonly run: () => Promise<void>;
}

/** The body of a test, with a bus that is connected. */
export type ConformanceBody = (
  bus: Bus,
  fixture: BusFixture,
  options: BusConformanceOptions,
) => Promise<void>;

/** Part of the suite: bodies by the property that they show. */
export type ConformanceGroup = Readonly<Record<string, ConformanceBody>>;
