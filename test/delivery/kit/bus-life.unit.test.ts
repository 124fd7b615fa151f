import { describe, expect, it } from 'vitest';
import { ClosedError } from '../../../src/core/errors/errors.js';
import { BusLife } from '../../../src/delivery/kit/bus-life.js';

class Scripted {
  readonly told: string[] = [];
  readonly #started: Promise<void>;
  settle: { resolve(): void; reject(error: Error): void } = { resolve() {}, reject() {} };

  constructor() {
    this.#started = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }

  start(): Promise<void> {
    this.told.push('start');
    return this.#started;
  }

  async unsubscribe(): Promise<void> {
    this.told.push('unsubscribe');
    this.settle.resolve();
  }
}

const running = async (life: BusLife<Scripted>): Promise<Scripted> => {
  const subscription = new Scripted();
  subscription.settle.resolve();
  return life.start(subscription);
};

describe('the life of a bus', () => {
  it('ends every subscription before what they use, once, and refuses every later call', async () => {
    const life = new BusLife<Scripted>('main');
    life.assertOpen();
    const [one, other] = [await running(life), await running(life)];
    let ends = 0;
    const end = async (): Promise<void> => {
      expect([one.told, other.told]).toEqual([
        ['start', 'unsubscribe'],
        ['start', 'unsubscribe'],
      ]);
      ends += 1;
    };
    await Promise.all([life.close(end), life.close(end)]);
    expect(ends).toBe(1);
    expect(() => life.assertOpen()).toThrow(ClosedError);
  });

  it('ends no subscription that has ended, or that never started', async () => {
    const life = new BusLife<Scripted>('main');
    const ended = await running(life);
    life.ended(ended);
    const failed = new Scripted();
    failed.settle.reject(new Error('no queue'));
    await expect(life.start(failed, { endsWhileStarting: true })).rejects.toThrow('no queue');
    await life.close(async () => {});
    expect([ended.told, failed.told]).toEqual([['start'], ['start']]);
  });

  it('ends a subscription that is still starting: at once where it can, else as soon as it has', async () => {
    const life = new BusLife<Scripted>('main');
    const [slow, able] = [new Scripted(), new Scripted()];
    const starting = [life.start(slow), life.start(able, { endsWhileStarting: true })];
    await life.close(async () => {});
    expect(slow.told).toEqual(['start']);
    expect(able.told).toContain('unsubscribe');
    slow.settle.resolve();
    await Promise.all(starting);
    expect(slow.told).toEqual(['start', 'unsubscribe']);
  });
});
