import type { BusMessage, Delivery } from '../../delivery/bus/bus.js';

/** Milliseconds until a wait gives up. It bounds a failure; no test asserts how long things take. */
const patience = 20_000;

/** Waits until `condition` holds; rejects with `what` when it never does. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const end = performance.now() + patience;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Waited in vain until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Keeps what a subscription was given. */
export class Recorder {
  readonly deliveries: Delivery[] = [];

  readonly handler = (delivery: Delivery): void => {
    this.deliveries.push(delivery);
  };

  get ids(): readonly string[] {
    return this.deliveries.map(({ id }) => id);
  }

  /** Waits for so many deliveries. */
  async atLeast(count: number): Promise<void> {
    await until(
      () => this.deliveries.length >= count,
      `${count} deliveries came (${this.deliveries.length} did)`,
    );
  }
}

/** A gate that handlers wait at. */
export class Gate {
  readonly #passed: Promise<void>;
  #open!: () => void;

  constructor() {
    this.#passed = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }

  pass(): Promise<void> {
    return this.#passed;
  }
}

let count = 0;

/** A message that differs from every other in its id. */
export function message(key: string, change: Partial<BusMessage> = {}): BusMessage {
  count += 1;
  return {
    key,
    id: `message-${count}`,
    contentType: 'text/plain',
    headers: {},
    body: Buffer.from(`body ${count}`),
    ...change,
  };
}

/** Messages of one partition key, numbered in their ids. */
export function sequence(key: string, partitionKey: string, length: number): BusMessage[] {
  return Array.from({ length }, (_, index) =>
    message(key, { id: `${partitionKey}/${index}`, partitionKey }),
  );
}
