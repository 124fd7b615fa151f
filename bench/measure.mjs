import { performance } from 'node:perf_hooks';

/**
 * A contender whose `operation(caller)` is run by so many callers at once, each in a closed loop. The
 * operation may resolve with a number, of operations that it was.
 */
export function looped(name, callers, operation) {
  return { name, sample: (seconds) => run(operation, { callers, seconds }) };
}

/**
 * A contender that does a job of a given size, once a sample. `job` resolves with how many operations
 * it did and the seconds they took, as it measured them: making the data is not counted.
 */
export function sized(name, job) {
  return {
    name,
    async sample(seconds, { warmUp = false } = {}) {
      const { operations, elapsed, ...rest } = await job({ seconds, warmUp });
      return { rate: operations / elapsed, ...rest };
    },
  };
}

/** Runs a closed loop for a time: operations a second, latencies in milliseconds, shares of callers. */
export async function run(operation, { callers, seconds }) {
  const start = performance.now();
  const end = start + seconds * 1_000;
  const latencies = [];
  const done = Array.from({ length: callers }, () => 0);
  const caller = async (index) => {
    for (let before = performance.now(); before < end;) {
      const result = await operation(index);
      const operations = typeof result === 'number' ? result : 1;
      const after = performance.now();
      latencies.push(after - before);
      done[index] += operations;
      before = after;
    }
  };
  await Promise.all(done.map((_, index) => caller(index)));
  const elapsed = (performance.now() - start) / 1_000;
  return {
    rate: done.reduce((sum, count) => sum + count, 0) / elapsed,
    ...percentiles(latencies),
    unfairness: Math.max(...done) / Math.max(1, Math.min(...done)),
  };
}

/** The median and the 99th percentile. */
export function percentiles(latencies) {
  const sorted = latencies.toSorted((a, b) => a - b);
  const percentile = (part) => sorted[Math.floor((sorted.length - 1) * part)];
  return { p50: percentile(0.5), p99: percentile(0.99) };
}

/**
 * Measures contenders in alternating rounds, so that what slows the machine for a while slows them all,
 * and in turned order every other round. Resolves with each contender's samples.
 */
export async function compare(
  contenders,
  { rounds, seconds, log = () => {}, warmUp = Math.min(0.5, seconds) },
) {
  const measured = contenders.map(({ name }) => ({ name, samples: [] }));
  for (const contender of contenders) await contender.sample(warmUp, { warmUp: true });
  for (let round = 0; round < rounds; round += 1) {
    const order = [...contenders.keys()];
    for (const index of round % 2 === 0 ? order : order.toReversed()) {
      const sample = await contenders[index].sample(seconds);
      measured[index].samples[round] = sample;
      log(`  round ${round + 1} of ${rounds}: ${told(sample)}, ${contenders[index].name}`);
    }
  }
  return measured;
}

const told = ({ rate, p50 }) =>
  rate === undefined ? `${p50.toFixed(2)} ms` : `${Math.round(rate).toLocaleString('en-US')} /s`;

/** The candidate with the highest rate in short alternating runs. */
export async function best(candidates, options) {
  const seconds = Math.min(0.5, options.seconds);
  const measured = await compare(candidates, { rounds: 2, seconds, warmUp: seconds / 2 });
  const rates = measured.map(({ samples }) => median(samples.map(({ rate }) => rate)));
  return candidates[rates.indexOf(Math.max(...rates))];
}

/** Median, lowest and highest. */
export function spread(values) {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
