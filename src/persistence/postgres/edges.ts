import type { Deadline, Effect, TableRow } from '../../core/lifecycle/lifecycle.js';
import { placeOf } from '../../core/planning/deadline-place.js';
import type { ResourceBinding } from '../resource/binding.js';
import { effectData, stateData } from '../../core/planning/transition-announcements.js';
import { stateText } from './columns.js';

/** An unguarded table row, with the parts of its payloads that are known before any request. */
export interface Edge {
  /** Unique among the edges of a binding. */
  readonly number: number;
  readonly row: TableRow;
  /** How the database writes its states. */
  readonly from: string;
  readonly to: string;
  /** The state event's `data`, without the brace that closes it. */
  readonly data: string;
  readonly effects: readonly EdgeEffect[];
  readonly arms: readonly Deadline[];
  /** Places whose deadlines to cancel, but for those that are armed anew by the same step. */
  readonly cancels: readonly string[];
}

/** An effect whose `data` is complete but for the resource's uuid in an alert. */
export interface EdgeEffect {
  readonly effect: Effect;
  /** Its place among the event's `sayings`. */
  readonly effectSlot: number;
  /** Up to the uuid, or all of it where the uuid does not occur. */
  readonly dataHead: string;
  /** Behind the uuid; null where it does not occur. */
  readonly dataTail: string | null;
}

/** All edges of one event. */
export interface EventEdges {
  /** The place of the event among the lifecycle's events. */
  readonly number: number;
  readonly edges: readonly Edge[];
  /**
   * Every effect that a request may come to announce, whatever its state turns out to be, told apart
   * by category, type and how many like it go before it on the same edge. A request brings one id and
   * one payload head for each.
   */
  readonly sayings: readonly Pick<Effect, 'category' | 'type'>[];
  readonly cancels: boolean;
  readonly arms: boolean;
}

/** The unguarded edges of a binding by event, made once. Pure. */
export function edgesOf(binding: ResourceBinding): ReadonlyMap<string, EventEdges> {
  const { table } = binding.lifecycle;
  const rowsByEvent = new Map<string, TableRow[]>();
  for (const events of table.rows.values()) {
    for (const [event, [row]] of events) {
      if (row !== undefined && !table.guardedEvents.has(event)) {
        const rows = rowsByEvent.get(event);
        if (rows === undefined) {
          rowsByEvent.set(event, [row]);
        } else {
          rows.push(row);
        }
      }
    }
  }
  let number = 0;
  return new Map(
    [...rowsByEvent].map(([event, rows], index) => {
      const sayings = new Map<string, EdgeEffect['effect']>();
      const edges = rows.map((row) => edge(binding, row, number++, sayings));
      return [
        event,
        {
          number: index,
          edges,
          sayings: [...sayings.values()],
          cancels: edges.some(({ cancels }) => cancels.length > 0),
          arms: edges.some(({ arms }) => arms.length > 0),
        },
      ];
    }),
  );
}

function edge(
  binding: ResourceBinding,
  row: TableRow,
  number: number,
  sayings: Map<string, Effect>,
): Edge {
  const { resource, lifecycle } = binding;
  const change = {
    event: row.event,
    old: row.from,
    new: row.to,
    lifecycleVersion: lifecycle.version,
    changed: row.changed,
  };
  const occurrences = new Map<string, number>();
  return {
    number,
    row,
    from: stateText(binding, row.from),
    to: stateText(binding, row.to),
    data: JSON.stringify(stateData(change)).slice(0, -1),
    effects: row.effects.map((effect) => {
      const name = `${effect.category} ${effect.type}`;
      const repetition = occurrences.get(name) ?? 0;
      occurrences.set(name, repetition + 1);
      const key = `${repetition} ${name}`;
      sayings.set(key, sayings.get(key) ?? effect);
      return {
        effect,
        effectSlot: [...sayings.keys()].indexOf(key),
        ...splitAtUuid((uuid) => JSON.stringify(effectData(effect, change, { resource, uuid }))),
      };
    }),
    arms: row.arms,
    cancels: [...new Set(row.cancels.map(placeOf))],
  };
}

/** Finds where a text takes the uuid, by writing it twice. */
function splitAtUuid(write: (uuid: string) => string): Pick<EdgeEffect, 'dataHead' | 'dataTail'> {
  const [one, other] = [write('0'), write('1')];
  const at = firstDifference(one, other);
  return at < 0
    ? { dataHead: one, dataTail: null }
    : { dataHead: one.slice(0, at), dataTail: one.slice(at + 1) };
}

function firstDifference(one: string, other: string): number {
  for (let index = 0; index < one.length; index += 1) {
    if (one[index] !== other[index]) {
      return index;
    }
  }
  return -1;
}
