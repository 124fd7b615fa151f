import { EntitySchema } from 'typeorm';
import { setup } from 'xstate';
import { defineLifecycle } from '../dist/src/index.js';

/** The smallest lifecycle that can go on for ever: every transition writes one row and one event. */
export class Lamp {
  static lifecycle = defineLifecycle({
    resource: 'Lamp',
    version: 1,
    machine: setup({}).createMachine({
      initial: 'Off',
      states: { Off: { on: { SwitchedOn: 'On' } }, On: { on: { SwitchedOff: 'Off' } } },
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
