import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KnownPools } from '../../../src/delivery/kafka/known-pools.js';

describe('the pools that are known', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('are asked for once by all who come meanwhile, and again after a while', async () => {
    let questions = 0;
    const pools = new KnownPools(async () => {
      questions += 1;
      return true;
    });
    expect(await Promise.all([pools.has('a'), pools.has('a')])).toEqual([true, true]);
    expect(await pools.has('a')).toBe(true);
    expect(questions).toBe(1);
    vi.advanceTimersByTime(31_000);
    expect(await pools.has('a')).toBe(true);
    expect(questions).toBe(2);
  });

  it('are forgotten when nobody asks for them any more', async () => {
    const pools = new KnownPools(async () => true);
    for (let index = 0; index < 100; index += 1) await pools.has(`pool ${index}`);
    vi.advanceTimersByTime(31_000);
    await pools.has('another');
    expect(pools.size).toBe(1);
  });

  it('do not include those that were not there, or could not be asked for', async () => {
    const answers = [async () => false, () => Promise.reject(new Error('away')), async () => true];
    const pools = new KnownPools(() => (answers.shift() ?? (async () => false))());
    expect(await pools.has('a')).toBe(false);
    await expect(pools.has('a')).rejects.toThrow('away');
    expect(await pools.has('a')).toBe(true);
  });
});
