import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { v4 } from 'uuid';
import { VirtualMachine } from '../../../src/cli/demo/entities.js';
import { ConflictError, RefusedError, SignalboxError } from '../../../src/core/errors/errors.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { lawfulEvents } from '../../../src/core/lifecycle/lawful-events.js';
import { step } from '../../../src/core/lifecycle/step.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import { eventually } from '../../support/eventually.js';
import type { Random } from './random.js';

const { lifecycle } = VirtualMachine;
type State = VirtualMachine['state'];
type Event = (typeof lifecycle.events)[number];

/** What the model knows of one machine: every change that was committed, in order. */
interface ModelledMachine {
  readonly uuid: string;
  state: State;
  readonly changes: string[];
}

class RolledBack extends Error {}

/** Errors of the drivers come from commits of our own; of these nobody has said anything. */
function saysNothingHappened(error: unknown): boolean {
  return error instanceof SignalboxError && error.code !== 'OUTCOME_UNKNOWN';
}

/** As long as the longest outage. */
const patience = { deadline: 120_000, every: 100 };

/**
 * Random lawful work on virtual machines, and a model of it. Each worker has machines of its own, so that
 * what it was told decides what must be in the database: a change that was acknowledged, always; one that
 * was refused or rolled back, never; and of one whose outcome is unknown the row is asked, once there is a
 * database again.
 */
export class RandomWork {
  readonly #signalbox: Signalbox;
  readonly #dataSource: DataSource;
  readonly #random: Random;
  readonly #machines: ModelledMachine[] = [];
  #workers: Promise<void>[] = [];
  readonly #pause: number;
  #stopping = false;
  #done = 0;
  #unknown = 0;

  /** @param options.pause Milliseconds that a worker rests after each change. Default 3. */
  constructor(options: {
    readonly signalbox: Signalbox;
    readonly dataSource: DataSource;
    readonly random: Random;
    readonly pause?: number;
  }) {
    this.#signalbox = options.signalbox;
    this.#dataSource = options.dataSource;
    this.#random = options.random;
    this.#pause = options.pause ?? 3;
  }

  /** Changes that were acknowledged, or found in the database after their outcome was unknown. */
  get done(): number {
    return this.#done;
  }

  /** Changes of which the caller was not told whether they happened. */
  get unknown(): number {
    return this.#unknown;
  }

  /** Begins, with new workers and new machines each time. */
  start(workers: number, machinesEach: number): void {
    this.#stopping = false;
    this.#workers = [];
    for (let index = 0; index < workers; index += 1) {
      this.#workers.push(this.#work(this.#random.branch(), machinesEach));
    }
  }

  /** Ends after what is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers);
  }

  /** Forgets the machines so far, when their rows and events are gone. */
  forget(): void {
    this.#machines.length = 0;
    this.#workers = [];
  }

  /** Where the journal is not what the workers were told; empty when it is. */
  faults(committed: readonly SignalboxEvent[]): readonly string[] {
    return this.#machines.flatMap(({ uuid, changes }) => {
      const journal = committed.flatMap(({ category, partitionkey, type }) =>
        category === 'ResourceStateEvent' && partitionkey === uuid ? [type] : [],
      );
      return journal.join() === changes.join()
        ? []
        : [`${uuid}: the journal says ${journal.join()}, the workers were told ${changes.join()}`];
    });
  }

  async #work(random: Random, machinesEach: number): Promise<void> {
    const machines: ModelledMachine[] = [];
    while (!this.#stopping) {
      if (machines.length < machinesEach) {
        machines.push(await this.#create());
        continue;
      }
      const machine = random.pick(machines);
      const events = lawfulEvents(lifecycle, { state: machine.state, context: {} });
      if (events.length === 0) {
        // Its life is over: another one takes its place.
        machines.splice(machines.indexOf(machine), 1);
        continue;
      }
      await this.#move(machine, random.pick(events), random);
      await delay(this.#pause);
    }
  }

  async #create(): Promise<ModelledMachine> {
    // Its uuid is ours, so that it is found again when nobody said whether it was created.
    const uuid = v4();
    const { state } = await eventually(
      async () =>
        (await this.#dataSource.manager.findOneBy(VirtualMachine, { uuid })) ??
        this.#signalbox.create(VirtualMachine, { uuid, name: 'random' }),
      patience,
    );
    const machine = { uuid, state, changes: ['Created'] };
    this.#machines.push(machine);
    this.#done += 1;
    return machine;
  }

  async #move(machine: ModelledMachine, event: Event, random: Random): Promise<void> {
    const taken = step(lifecycle, { state: machine.state, context: {} }, event);
    if (!taken.lawful) throw new Error(`${event} is lawful in ${machine.state}`);
    const accept = (): void => {
      machine.state = taken.next;
      machine.changes.push(event);
      this.#done += 1;
    };
    try {
      await this.#try(machine.uuid, event, random);
      accept();
    } catch (error) {
      const nothing =
        error instanceof RolledBack ||
        error instanceof RefusedError ||
        error instanceof ConflictError;
      if (nothing) return;
      this.#unknown += 1;
      const revision = machine.changes.length;
      const row = await this.#readLocked(machine.uuid);
      if (row.revision === revision + 1) {
        if (saysNothingHappened(error)) {
          throw new Error(`${machine.uuid} was changed, and its caller told that it was not`, {
            cause: error,
          });
        }
        accept();
      } else if (row.revision !== revision) {
        throw new Error(`${machine.uuid} has revision ${row.revision} after ${revision} changes`, {
          cause: error,
        });
      }
    }
  }

  async #try(uuid: string, event: Event, random: Random): Promise<void> {
    const way = random.whole(10);
    if (way < 6) {
      await this.#signalbox.transition(VirtualMachine, uuid, event);
      return;
    }
    await this.#dataSource.transaction(async (manager) => {
      if (way === 6) {
        await this.#signalbox.transition(VirtualMachine, uuid, event, { manager });
      } else {
        const machine = await manager.findOneByOrFail(VirtualMachine, { uuid });
        this.#signalbox.send(machine, event);
        await manager.save(machine);
      }
      if (way === 9) throw new RolledBack();
    });
  }

  /**
   * Reads when the database lets us. What a broken connection was about to commit, its server process may
   * yet commit: the lock waits for it.
   */
  async #readLocked(uuid: string): Promise<VirtualMachine> {
    return eventually(
      () =>
        this.#dataSource.transaction((manager) =>
          manager.findOneOrFail(VirtualMachine, {
            where: { uuid },
            lock: { mode: 'pessimistic_write' },
          }),
        ),
      patience,
    );
  }
}
