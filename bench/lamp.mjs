import { EntitySchema } from 'typeorm';
import { setup } from 'xstate';
import { defineLifecycle } from '../dist/index.js';

/** The smallest lifecycle that can go on for ever: every transition writes one row and one event. */
export class Lamp {
  static lifecycle = defineLifecycle({
    resource: 'Lamp',
    version: 1,
    machine: setup({}).createMachine({
      initial: 'Off',
      states: {
        Off: { on: { SwitchedOn: 'On', Toggled: 'On' } },
        On: { on: { SwitchedOff: 'Off', Toggled: 'Off' } },
      },
    }),
  });
}

export const lampEntity = new EntitySchema({
  name: 'Lamp',
  target: Lamp,
  tableName: 'lamp',
  columns: {
    uuid: { type: 'uuid', primary: true },
    state: { type: String },
    revision: { type: Number },
    stateSince: { type: String, length: 24, name: 'state_since' },
    lifecycleVersion: { type: Number, name: 'lifecycle_version' },
    account: { type: String, nullable: true },
    domain: { type: String, nullable: true },
    project: { type: String, nullable: true },
  },
});

/** How many lamps the suites switch. */
export const lampCount = 20_000;

/** Each caller goes round its own part of the lamps, and switches one after another. */
export function switching(signalbox, uuids, callers) {
  const place = placesOf(uuids, callers);
  const isOn = new Set();
  return async (caller) => {
    const uuid = place(caller);
    const event = isOn.delete(uuid) ? 'SwitchedOff' : 'SwitchedOn';
    const moved = await signalbox.transition(Lamp, uuid, event, { actor: 'bench' });
    if (moved.new === 'On') isOn.add(uuid);
    return moved;
  };
}

/** Each caller goes round its own part of the rows. */
export function placesOf(uuids, callers) {
  const part = Math.floor(uuids.length / callers);
  const next = Array.from({ length: callers }, () => 0);
  return (caller) => {
    const offset = next[caller];
    next[caller] = (offset + 1) % part;
    return uuids[caller * part + offset];
  };
}
