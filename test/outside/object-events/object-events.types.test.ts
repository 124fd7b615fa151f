import { describe, expectTypeOf, it } from 'vitest';
import { fires } from '../../../src/outside/object-events/fires.js';
import { event } from '../../../src/outside/object-events/object-event.js';

class Daemon {
  readonly started = event<{ host: string }>();
  readonly stopping = event<[reason: string, force?: boolean]>();
  readonly stopped = event();
  readonly stopFailed = event<Error>();

  @fires('started')
  async start(host: string): Promise<{ host: string }> {
    return { host };
  }

  @fires.before('stopping')
  @fires('stopped')
  @fires.failed('stopFailed')
  stop(_reason: string, _force?: boolean): void {}
}

class Worker extends Daemon {
  readonly worked = event<{ job: number; result: string }>();

  @fires('worked', (result: string, job: number) => ({ job, result }))
  async work(job: number): Promise<string> {
    return String(job);
  }

  // What the payload is not made of need not be named.
  @fires('worked', (result: string) => ({ job: 0, result }))
  @fires.before('worked', (job: number) => ({ job, result: '' }))
  @fires.failed('worked', (error) => ({ job: -1, result: error.message }))
  async workHard(job: number, _effort: string): Promise<string> {
    return String(job);
  }

  // An inherited event.
  @fires('started')
  restart(): { host: string } {
    return { host: 'again' };
  }
}

// Checked by the compiler: what must not compile is marked, and a mark without an error is an error.
describe('the types of events on objects', () => {
  it('tell handlers their payload', () => {
    const worker = new Worker();
    worker.started.subscribe((payload) => expectTypeOf(payload).toEqualTypeOf<{ host: string }>());
    worker.worked.once(({ job }) => expectTypeOf(job).toEqualTypeOf<number>());
    expectTypeOf<Worker['start']>().toEqualTypeOf<(host: string) => Promise<{ host: string }>>();
  });

  it('refuse unknown events and wrong payloads', () => {
    const calls = async () => {
      const worker = new Worker();
      await worker.stopped.fire();
      // @ts-expect-error no such event
      worker.begun.subscribe(() => {});
      // @ts-expect-error a payload is missing
      await worker.started.fire();
      // @ts-expect-error wrong payload
      await worker.started.fire({ host: 1 });
      // @ts-expect-error a handler of another payload
      worker.started.subscribe((payload: { port: number }) => payload);
    };
    expectTypeOf(calls).toBeFunction();
  });

  it('refuse a decorator that does not fit class and method', () => {
    class Wrong extends Worker {
      // @ts-expect-error no such event
      @fires('begun')
      one(): void {}

      // @ts-expect-error the result is no payload of the event
      @fires('started')
      two(): { host: number } {
        return { host: 1 };
      }

      // @ts-expect-error the arguments are no payload of the event
      @fires.before('stopping')
      three(_reason: number): void {}

      // @ts-expect-error what is made of the result is no payload of the event
      @fires('worked', (result: string) => ({ result }))
      four(): string {
        return '';
      }

      // @ts-expect-error the method has another result than the payload is made of
      @fires('worked', (result: string, job: number) => ({ job, result }))
      five(_job: number): number {
        return 1;
      }

      // @ts-expect-error the method takes another argument than the payload is made of
      @fires('worked', (result: string, job: number) => ({ job, result }))
      seven(_job: string): string {
        return '';
      }

      // @ts-expect-error the error is no payload of the event
      @fires.failed('started')
      six(): void {}
    }
    expectTypeOf<Wrong>().toExtend<Daemon>();
  });
});
