import type { DeliveryDispatcher, HeldDelivery } from '../bus/delivery-dispatcher.js';
import { endsInTime } from '../kit/in-time.js';
import { longestWait, type ConsumerTimeout } from './consumer-timeout.js';
import type { Identified } from './subscription-options.js';

/** Of its timeout, after so much a handler under way is told of. */
const nearTimeout = 0.8;
/** Milliseconds between two looks at the ages, by the timeout. */
const looks = { part: 20, least: 50, most: 30_000 };

interface DeliveryAgesOptions<M extends Identified> {
  readonly timeout: ConsumerTimeout;
  readonly dispatcher: DeliveryDispatcher<M>;
  /** Called while something has waited for so long that it is to be given back. */
  readonly onOld: () => void;
  /** Called at each look: the pace of the handlers may have changed. */
  readonly onLook: () => void;
  /** Called once for each delivery whose handler comes near the timeout. */
  readonly onNear: (message: M, age: number, timeout: number) => void;
}

/** Watches how long deliveries are held. */
export class DeliveryAges<M extends Identified> {
  readonly #options: DeliveryAgesOptions<M>;
  readonly #told = new WeakSet<object>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DeliveryAgesOptions<M>) {
    this.#options = options;
  }

  start(): void {
    this.stop();
    const { current } = this.#options.timeout;
    if (current === Infinity) return;
    const every = Math.min(looks.most, Math.max(looks.least, current / looks.part));
    this.#timer = setInterval(() => this.#look(), every);
  }

  /** The broker may have told a timeout. */
  learn(timeout: number | undefined): void {
    if (timeout === undefined) return;
    const known = this.#options.timeout;
    known.current = Math.min(timeout, known.current);
    this.start();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { dispatcher, timeout, onOld, onLook } = this.#options;
    const now = performance.now();
    const limit = longestWait(timeout.current, dispatcher.duration);
    let old = false;
    for (const held of dispatcher.held()) {
      const age = now - held.since;
      if (held.underWay) this.#tell(held, age);
      else if (age > limit) old = true;
    }
    if (old) onOld();
    else onLook();
  }

  #tell({ incoming }: HeldDelivery<M>, age: number): void {
    const { timeout, onNear } = this.#options;
    if (age < timeout.current * nearTimeout || this.#told.has(incoming)) return;
    this.#told.add(incoming);
    onNear(incoming.message, Math.round(age), timeout.current);
  }
}

/** Pauses, and resolves with whether all handlers under way have returned before the broker acts. */
export async function comesToRest<M extends Identified>(
  dispatcher: DeliveryDispatcher<M>,
  timeout: number,
): Promise<boolean> {
  const left = timeout * nearlyAll - longestWait(timeout, dispatcher.duration);
  await endsInTime(dispatcher.pause(), left);
  return dispatcher.running === 0;
}

/** The part of a timeout after which it is too late to give anything back in order. */
const nearlyAll = 0.95;
