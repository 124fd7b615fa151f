import type { ResourceStateEvent } from '../../core/events/event.js';
import { parseSubject } from '../../core/events/create-event.js';
import type { WatchedResource, WatchEvent } from './watch-event.js';

/**
 * Selection of the watched resources of a type. Conditions are joined by "and", a list is any of its
 * values.
 */
export interface WatchSelection<TState extends string = string> {
  readonly account?: string | readonly string[];
  readonly domain?: string | readonly string[];
  readonly project?: string | readonly string[];
  /** A resource that leaves these states is told as removed, one that enters them as added. */
  readonly states?: readonly TState[];
}

/** A state change, as an event tells it. */
export interface WatchedChange {
  readonly uuid: string;
  readonly revision: number;
  readonly old: string | null;
  /** The resource after it; null when it is gone. */
  readonly resource: WatchedResource | null;
  readonly event: ResourceStateEvent;
}

interface Known {
  readonly resource: WatchedResource;
  readonly inside: boolean;
  /** The last reading of the table that found it. */
  reading: number;
}

/** How many removed resources are remembered, so that no late event brings one back. */
const mostGraves = 10_000;

/** The columns of tenancy. */
export const tenancies = ['account', 'domain', 'project'] as const;

/** Pure. The change that an event tells; undefined for one that names no resource or revision. */
export function watchedChange(event: ResourceStateEvent): WatchedChange | undefined {
  const { uuid } = parseSubject(event.subject);
  const { revision, data } = event;
  if (uuid === undefined || revision === undefined) return undefined;
  const resource = { uuid, revision, state: data.new ?? '', ...tenancyOf(event) };
  return { uuid, revision, old: data.old, resource: data.new === null ? null : resource, event };
}

/** Pure. */
export function tenancyOf(
  from: Readonly<Partial<Record<(typeof tenancies)[number], string | null>>>,
): Pick<WatchedResource, (typeof tenancies)[number]> {
  const { account, domain, project } = from;
  return {
    ...(account == null ? {} : { account }),
    ...(domain == null ? {} : { domain }),
    ...(project == null ? {} : { project }),
  };
}

/**
 * The last event of each watched resource, and the next one after an event or a row. Neither clock nor
 * I/O. It keeps resources outside of the wanted states too: only so is a late event of one no news.
 */
export class WatchView {
  readonly #selection: WatchSelection;
  readonly #isPartial: boolean;
  readonly #known = new Map<string, Known>();
  readonly #graves = new Map<string, number>();
  /** Differences that a patient reading found, and leaves to the stream until the next. */
  #suspects = new Map<string, number>();
  #reading = 0;

  /** @param isPartial it knows what it was told only, so that an unknown resource may be an old one */
  constructor(selection: WatchSelection, { isPartial = false } = {}) {
    this.#selection = selection;
    this.#isPartial = isPartial;
  }

  /** Returns the event of a state change; undefined when it is known, stale, or not selected. */
  apply({ uuid, revision, old, resource, event }: WatchedChange): WatchEvent | undefined {
    const known = this.#known.get(uuid);
    if (known !== undefined && revision <= known.resource.revision) return undefined;
    if (revision <= (this.#graves.get(uuid) ?? -1)) return undefined;
    if (resource === null) {
      this.#bury(uuid, revision);
      const last = known?.resource ?? (this.#isPartial ? lastKnown(uuid, old, event) : undefined);
      if (last === undefined || !(known?.inside ?? this.#selects(last))) return undefined;
      return {
        type: 'removed',
        resource: { ...last, revision },
        gone: true,
        ...(this.#isOwned(event) ? { event } : {}),
      };
    }
    const was =
      known?.inside ??
      (this.#isPartial && old !== null && this.#selects({ ...resource, state: old }));
    return this.#tell(resource, was, event);
  }

  /** Notes a row without telling it. */
  load(row: WatchedResource): void {
    this.#known.set(row.uuid, {
      resource: row,
      inside: this.#selects(row),
      reading: this.#reading,
    });
  }

  /** Begins to compare with the table: `seen` is called for each row, then `finish`. */
  beginReading(): void {
    this.#reading += 1;
  }

  /**
   * Returns the event of a row of the table; undefined when it is known.
   *
   * @param patient leave a difference to the stream, which may be on its way, until the next reading
   */
  seen(row: WatchedResource, patient: boolean): WatchEvent | undefined {
    // The row is there after its grave was dug: it was created again.
    this.#graves.delete(row.uuid);
    const known = this.#known.get(row.uuid);
    if (known !== undefined) known.reading = this.#reading;
    if (known !== undefined && row.revision <= known.resource.revision) {
      this.#suspects.delete(row.uuid);
      return undefined;
    }
    if (patient && !this.#isOverdue(row.uuid, known, row.revision)) return undefined;
    return this.#tell(row, known?.inside ?? false, undefined);
  }

  /** Ends the reading: the resources that it has not found. */
  finish(patient: boolean): readonly WatchEvent[] {
    const told: WatchEvent[] = [];
    for (const [uuid, known] of this.#known) {
      if (known.reading === this.#reading) continue;
      if (patient && !this.#isOverdue(uuid, known, Infinity)) continue;
      this.#bury(uuid, Infinity);
      if (known.inside) told.push({ type: 'removed', resource: known.resource, gone: true });
    }
    return told;
  }

  /** The rows that are selected, as they are known. */
  *selected(): Generator<WatchedResource> {
    for (const { resource, inside } of this.#known.values()) if (inside) yield resource;
  }

  /** Takes over what another view has told: of these resources it knows better what the caller knows. */
  adopt(other: WatchView): void {
    for (const [uuid, known] of other.#known)
      this.#known.set(uuid, { ...known, reading: this.#reading });
    for (const [uuid, revision] of other.#graves) {
      if (!other.#known.has(uuid)) this.#bury(uuid, revision);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#known.clear();
    this.#graves.clear();
    this.#suspects.clear();
  }

  #tell(
    resource: WatchedResource,
    was: boolean,
    event: ResourceStateEvent | undefined,
  ): WatchEvent | undefined {
    const inside = this.#selects(resource);
    const before = this.#known.get(resource.uuid)?.resource;
    this.#known.set(resource.uuid, { resource, inside, reading: this.#reading });
    this.#suspects.delete(resource.uuid);
    const told = event === undefined ? { resource } : { resource, event };
    if (inside) return { type: was ? 'changed' : 'added', ...told };
    if (!was) return undefined;
    if (this.#isOwned(resource)) return { type: 'removed', gone: false, ...told };
    // It went to somebody else: neither what it is now nor who moved it is the watcher's to know.
    const last = before ?? { uuid: resource.uuid, state: '', revision: resource.revision };
    return { type: 'removed', gone: false, resource: { ...last, revision: resource.revision } };
  }

  /** True when the last reading found the same difference, and no event has told it since. */
  #isOverdue(uuid: string, known: Known | undefined, revision: number): boolean {
    const suspected = this.#suspects.get(uuid);
    if (suspected !== undefined && suspected > (known?.resource.revision ?? -1)) {
      this.#suspects.delete(uuid);
      return true;
    }
    this.#suspects.set(uuid, revision);
    return false;
  }

  #bury(uuid: string, revision: number): void {
    this.#known.delete(uuid);
    this.#suspects.delete(uuid);
    this.#graves.delete(uuid);
    this.#graves.set(uuid, revision);
    if (this.#graves.size <= mostGraves) return;
    const [eldest] = this.#graves.keys();
    if (eldest !== undefined) this.#graves.delete(eldest);
  }

  #selects(resource: WatchedResource): boolean {
    const { states } = this.#selection;
    if (states !== undefined && !states.includes(resource.state)) return false;
    return this.#isOwned(resource);
  }

  #isOwned(of: Readonly<Partial<Record<(typeof tenancies)[number], string | null>>>): boolean {
    return tenancies.every((name) => {
      const wanted = this.#selection[name];
      if (wanted === undefined) return true;
      const value = of[name];
      if (value == null) return false;
      return typeof wanted === 'string' ? wanted === value : wanted.includes(value);
    });
  }
}

function lastKnown(
  uuid: string,
  old: string | null,
  event: ResourceStateEvent,
): WatchedResource | undefined {
  return old === null
    ? undefined
    : { uuid, state: old, revision: event.revision ?? 0, ...tenancyOf(event) };
}
