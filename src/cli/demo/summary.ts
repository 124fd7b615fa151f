import type { DataSource } from 'typeorm';
import type { SignalboxEvent } from '../../core/events/event.js';
import type { OutboxDepth } from '../../core/stores/outbox-store.js';
import { demoResources } from './entities.js';

/** Counts of what the demo left behind. */
export interface Summary {
  /** resource type -> state -> how many. */
  readonly resources: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** category -> how many were received. */
  readonly events: Readonly<Record<string, number>>;
  /** Events in the journal, and how many of them the subscriber got. */
  readonly journal: number;
  readonly received: number;
  readonly outbox: OutboxDepth;
}

/** Counts resources by state, in every demo table. */
export async function countResources(dataSource: DataSource): Promise<Summary['resources']> {
  const counts: Record<string, Record<string, number>> = {};
  for (const entity of demoResources) {
    const rows = await dataSource
      .getRepository<{ state: string }>(entity)
      .createQueryBuilder('resource')
      .select('resource.state', 'state')
      .addSelect('COUNT(*)', 'count')
      .groupBy('resource.state')
      .orderBy('resource.state')
      .getRawMany<{ state: string; count: string | number }>();
    counts[entity.lifecycle.resource] = Object.fromEntries(
      rows.map(({ state, count }) => [state, Number(count)]),
    );
  }
  return counts;
}

/** Counts what a subscriber got, each event once. */
export class EventTally {
  readonly #ids = new Set<string>();
  readonly #byCategory = new Map<string, number>();

  /** False when the event was seen before. */
  add(event: SignalboxEvent): boolean {
    if (this.#ids.has(event.id)) {
      return false;
    }
    this.#ids.add(event.id);
    this.#byCategory.set(event.category, (this.#byCategory.get(event.category) ?? 0) + 1);
    return true;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  get size(): number {
    return this.#ids.size;
  }

  get byCategory(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#byCategory].toSorted(([a], [b]) => a.localeCompare(b)));
  }
}

/** The summary for a person. Pure. */
export function summaryText(summary: Summary): string {
  const { resources, events, journal, received, outbox } = summary;
  const states = Object.entries(resources).map(
    ([resource, counts]) =>
      `  ${resource.padEnd(16)}${
        Object.entries(counts)
          .map(([state, count]) => `${state} ${count}`)
          .join(', ') || 'none'
      }`,
  );
  const categories = Object.entries(events).map(
    ([category, count]) => `  ${category.padEnd(20)}${count}`,
  );
  return [
    'Resources by state',
    ...states,
    'Events received by category',
    ...categories,
    `Journal ${journal}, received ${received}`,
    outbox.pending === 0 && outbox.parked === 0
      ? 'Outbox empty'
      : `Outbox ${outbox.pending} pending, ${outbox.parked} parked`,
    '',
  ].join('\n');
}
