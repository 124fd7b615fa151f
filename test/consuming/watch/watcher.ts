import assert from 'node:assert/strict';
import type { Watch } from '../../../src/consuming/watch/watch.js';
import type { WatchedResource, WatchEvent } from '../../../src/consuming/watch/watch-event.js';

/** Follows a watch as a user would, and holds what every watch promises. */
export class Watcher {
  readonly events: WatchEvent[] = [];
  readonly resources = new Map<string, WatchedResource>();
  /** The bookmark of the last `synced`. */
  bookmark: number | undefined;
  readonly ended: Promise<void>;
  readonly #watch: Watch;
  #paused: Promise<void> | undefined;

  constructor(watch: Watch) {
    this.#watch = watch;
    this.ended = this.#follow();
  }

  count(type: WatchEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  /** Revisions told of a resource, in order. */
  revisions(uuid: string): readonly number[] {
    return this.events.flatMap((event) =>
      'resource' in event && event.resource.uuid === uuid ? [event.resource.revision] : [],
    );
  }

  /** What it holds, as rows to compare. */
  rows(): readonly string[] {
    return [...this.resources.values()]
      .map(({ uuid, state, revision }) => `${uuid} ${state} ${revision}`)
      .sort();
  }

  /** Takes nothing until the returned function is called. */
  pause(): () => void {
    let resume = (): void => {};
    this.#paused = new Promise((resolve) => {
      resume = resolve;
    });
    return () => {
      this.#paused = undefined;
      resume();
    };
  }

  async #follow(): Promise<void> {
    for await (const event of this.#watch) {
      this.events.push(event);
      this.#take(event);
      while (this.#paused !== undefined) await this.#paused;
    }
  }

  #take(event: WatchEvent): void {
    if (event.type === 'synced') this.bookmark = event.bookmark;
    if (event.type === 'resync' && event.reason === 'expired') this.resources.clear();
    if (!('resource' in event)) return;
    const { resource, type } = event;
    const known = this.resources.get(resource.uuid);
    if (known !== undefined && type !== 'removed')
      assert.ok(resource.revision > known.revision, 'a revision that does not rise');
    if (type === 'added' || type === 'snapshot') assert.equal(known, undefined);
    if (type === 'removed') this.resources.delete(resource.uuid);
    else this.resources.set(resource.uuid, resource);
  }
}
