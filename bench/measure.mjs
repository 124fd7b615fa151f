import { performance } from 'node:perf_hooks';

/**
 * Runs `operation(caller)` by so many callers at once, each in a closed loop, for a time.
 * Resolves with operations a second and latencies in milliseconds.
 */
export async function run(operation, { callers, seconds }) {
  const start = performance.now();
  const end = start + seconds * 1_000;
  const latencies = [];
  let operations = 0;
  const caller = async (index) => {
    for (let before = performance.now(); before < end;) {
      const done = await operation(index);
      const after = performance.now();
      latencies.push(after - before);
      operations += done ?? 1;
      before = after;
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, index) => caller(index)));
  const elapsed = (performance.now() - start) / 1_000;
  latencies.sort((a, b) => a - b);
  const percentile = (part) => latencies[Math.floor((latencies.length - 1) * part)];
  return { rate: operations / elapsed, p50: percentile(0.5), p99: percentile(0.99) };
}

/**
 * Measures contenders in alternating rounds, so that what slows the machine for a while slows them all.
 * Resolves with one result for each contender: median and range of its rates, medians of latencies.
 */
export async function compare(contenders, { rounds, seconds, warmUp = 0.5 }) {
  const samples = contenders.map(() => []);
  for (const { operation, callers } of contenders) {
    await run(operation, { callers, seconds: warmUp });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { operation, callers }] of contenders.entries()) {
      samples[index].push(await run(operation, { callers, seconds }));
    }
  }
  return contenders.map(({ name, callers }, index) => {
    const rates = samples[index].map(({ rate }) => rate);
    return {
      name,
      callers,
      rate: median(rates),
      lowest: Math.min(...rates),
      highest: Math.max(...rates),
      p50: median(samples[index].map(({ p50 }) => p50)),
      p99: median(samples[index].map(({ p99 }) => p99)),
    };
  });
}

/** The candidate with the highest rate in short alternating runs. */
export async function best(candidates, { seconds = 0.5, rounds = 2 } = {}) {
  const results = await compare(candidates, { rounds, seconds, warmUp: 0.2 });
  return candidates[results.indexOf(results.toSorted((a, b) => b.rate - a.rate)[0])];
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
