// A user's program, compiled and run against the packed tarball.
import { defineLifecycle, step } from 'signalbox';
import { rabbitmq } from 'signalbox/amqp';
import { checkLifecycle, inState, never } from 'signalbox/check';
import { mermaid } from 'signalbox/diagram';
import { virtualMachine } from 'signalbox/machines';
import { given } from 'signalbox/testing';
import { setup } from 'xstate';

const door = defineLifecycle({
  resource: 'Door',
  version: 1,
  machine: setup({ types: { events: {} as { type: 'Open' } | { type: 'Close' } } }).createMachine({
    initial: 'Closed',
    states: { Closed: { on: { Open: 'Opened' } }, Opened: { on: { Close: 'Closed' } } },
  }),
});

given(door, 'Closed').when('Open').then('Opened');
given(virtualMachine, 'Stopped').when('StartRequested').then('Starting');
// @ts-expect-error an unknown event does not compile
const refused = step(door, { state: 'Closed', context: {} }, { type: 'Slam' });
if (!('refusals' in refused)) throw new Error('an unknown event was not refused');
if (!mermaid(door).includes('Opened')) throw new Error('the diagram misses a state');

const { findings } = checkLifecycle(door, { rules: { shut: never(inState('Opened')) } });
if (findings.at(0)?.code !== 'RULE_BROKEN') throw new Error('a broken rule was not found');

// Made, not connected: no broker is needed to start a program.
const bus = rabbitmq({ url: 'amqp://127.0.0.1:1' });
await bus.close();
console.log('the outside project works');
