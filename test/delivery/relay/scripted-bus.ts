import type { Bus, BusMessage, BusSubscription, Published } from '../../../src/delivery/bus/bus.js';
import { RefusedError, UnavailableError } from '../../../src/core/errors/errors.js';

/** A bus whose faults a real broker does not produce on demand. Publishing is all it can do. */
export class ScriptedBus implements Bus {
  readonly name: string;
  readonly capabilities = {
    reportsUnroutable: true,
    deadLetters: false,
    durable: false,
    marksRedelivered: false,
    unitesPatterns: false,
    choosesOrder: false,
  };
  /** What it has taken, in order. */
  readonly taken: BusMessage[] = [];
  /** How many publishes of one resource were ever under way at once, at most. */
  mostPerResource = 0;
  mostAtOnce = 0;
  /** Decides on each publish. The default takes everything. */
  script: (message: BusMessage) => Promise<Published> | Published = () => ({ routed: true });
  readonly #underWay = new Map<string, number>();
  #atOnce = 0;

  constructor(name = 'scripted') {
    this.name = name;
  }

  async publish(message: BusMessage): Promise<Published> {
    const key = message.partitionKey ?? message.id;
    const underWay = (this.#underWay.get(key) ?? 0) + 1;
    this.#underWay.set(key, underWay);
    this.#atOnce += 1;
    this.mostPerResource = Math.max(this.mostPerResource, underWay);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    try {
      // A broker's answer never comes in the same turn.
      await new Promise((resolve) => setImmediate(resolve));
      const published = await this.script(message);
      this.taken.push(message);
      return published;
    } finally {
      this.#underWay.set(key, (this.#underWay.get(key) ?? 1) - 1);
      this.#atOnce -= 1;
    }
  }

  /** Revisions taken of a resource, in order. */
  revisions(uuid: string): readonly number[] {
    return this.taken.filter((message) => message.partitionKey === uuid).map(revisionOf);
  }

  async connect(): Promise<void> {}

  publishToPool(): Promise<void> {
    throw new Error('a scripted bus has no pools');
  }

  async hasPool(): Promise<boolean> {
    return false;
  }

  subscribe(): Promise<BusSubscription> {
    throw new Error('a scripted bus has no subscribers');
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The revision that an event on the wire tells. */
export function revisionOf(message: { readonly body: Uint8Array }): number {
  return (JSON.parse(Buffer.from(message.body).toString()) as { revision: number }).revision;
}

/** What a broker that is away answers. */
export function unavailable(): UnavailableError {
  return new UnavailableError('BUS_UNAVAILABLE', 'the broker is away');
}

/** What a broker answers to a message it will never take. */
export function refused(): RefusedError {
  return RefusedError.of('PUBLISH_REFUSED', 'the message is too large');
}
