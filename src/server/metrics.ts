import type { Outcome } from './engine/channel.js';

/** Upper bounds of the seconds that deliveries take. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts what the service does, and writes it as Prometheus reads it. */
export class ServiceMetrics {
  readonly #attempts = new Map<string, number>();
  readonly #buckets = bounds.map(() => 0);
  #sum = 0;
  #count = 0;

  attempt(channel: string, { result, outcome }: Outcome, milliseconds: number): void {
    const labels = `channel="${escaped(channel)}",result="${result}",outcome="${escaped(outcome)}"`;
    this.#attempts.set(labels, (this.#attempts.get(labels) ?? 0) + 1);
    const seconds = milliseconds / 1000;
    this.#sum += seconds;
    this.#count += 1;
    bounds.forEach((bound, index) => {
      if (seconds <= bound) this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    });
  }

  /** @param gauges By name; with a label in braces where there is one. */
  text(gauges: Readonly<Record<string, number>>): string {
    const lines = ['# TYPE signalbox_delivery_attempts_total counter'];
    for (const [labels, count] of this.#attempts) {
      lines.push(`signalbox_delivery_attempts_total{${labels}} ${count}`);
    }
    lines.push('# TYPE signalbox_delivery_seconds histogram');
    bounds.forEach((bound, index) => {
      lines.push(`signalbox_delivery_seconds_bucket{le="${bound}"} ${this.#buckets[index] ?? 0}`);
    });
    lines.push(
      `signalbox_delivery_seconds_bucket{le="+Inf"} ${this.#count}`,
      `signalbox_delivery_seconds_sum ${this.#sum}`,
      `signalbox_delivery_seconds_count ${this.#count}`,
    );
    const typed = new Set<string>();
    for (const [name, value] of Object.entries(gauges)) {
      const bare = name.replace(/\{.*/s, '');
      if (!typed.has(bare)) lines.push(`# TYPE ${bare} gauge`);
      typed.add(bare);
      lines.push(`${name} ${value}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\"\n]/g, '_');
}
