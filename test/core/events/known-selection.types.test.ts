import { describe, expectTypeOf, it } from 'vitest';
import { cloudStackEventTypes, network, volume } from '../../../machines/index.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { subscribeEvents } from '../../../src/delivery/bus/event-subscription.js';
import type {
  ActionEvent,
  ResourceStateEvent,
  SignalboxEvent,
} from '../../../src/core/events/event.js';
import type { EventFilter, EventSelection } from '../../../src/core/events/event-filter.js';
import { bindingPatterns } from '../../../src/core/events/filter.js';
import { foreignType } from '../../../src/core/events/foreign-type.js';
import type { StateChangeType } from '../../../src/core/events/known-selection.js';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import { deadlineExceeded, type AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import { mapResource } from '../../../src/persistence/resource/resource.js';
import {
  created,
  recovered,
  removed,
  softRemoved,
} from '../../../src/core/planning/transition-announcements.js';
import { RecordedEvents } from '../../../src/testing/recorded-events.js';

class Volume {
  static readonly lifecycle = volume;
}
class Row {}
const mapped = mapResource(Row, network);
type CloudSignalbox = Signalbox<typeof cloudStackEventTypes>;
const ignore = (): void => {};

// Checked by the compiler: what must not compile is marked, and a mark without an error is an error.
describe('the types of a selection', () => {
  it('have the event types of the categories that a filter names, and no other', () => {
    const calls = (signalbox: CloudSignalbox) => [
      signalbox.subscribe({ category: 'ActionEvent', type: 'VM.START' }, (event) => {
        expectTypeOf(event).toEqualTypeOf<ActionEvent>();
      }),
      signalbox.subscribe({ category: ['ActionEvent', 'UsageEvent'], type: ['VM.START'] }, ignore),
      signalbox.subscribe({ type: ['VM.START', 'ALERT.USERVM', 'Created', '*'] }, ignore),
      // @ts-expect-error no event type
      signalbox.subscribe({ type: 'VM.STRAT' }, ignore),
      // @ts-expect-error no type of an action
      signalbox.subscribe({ category: 'ActionEvent', type: 'ALERT.USERVM' }, ignore),
      // @ts-expect-error one of them is no type of an action
      signalbox.subscribe({ category: 'ActionEvent', type: ['VM.START', 'VM.STRAT'] }, ignore),
      // @ts-expect-error no job event is of this type
      signalbox.subscribe({ category: 'AsyncJobEvent', type: 'VM.START' }, ignore),
      // @ts-expect-error no category
      signalbox.subscribe({ category: 'ActonEvent' }, ignore),
      // @ts-expect-error no property of a filter, beside one that is
      signalbox.subscribe({ category: 'ActionEvent', resorce: 'Volume' }, ignore),
    ];
    expectTypeOf(calls).toBeFunction();
  });

  it('have the events of the lifecycles that a filter names', () => {
    const calls = (signalbox: CloudSignalbox) => [
      signalbox.subscribe(
        { category: 'ResourceStateEvent', resource: Volume, type: 'AttachRequested' },
        (event) => {
          expectTypeOf(event).toEqualTypeOf<ResourceStateEvent>();
        },
      ),
      signalbox.subscribe({ resource: volume, type: 'AttachRequested' }, ignore),
      signalbox.subscribe({ resource: mapped, type: ['ImplementNetwork', 'Removed'] }, ignore),
      signalbox.subscribe(
        { resource: [Volume, mapped], type: ['AttachRequested', 'ImplementNetwork'] },
        ignore,
      ),
      // @ts-expect-error no event of the lifecycle
      signalbox.subscribe({ resource: Volume, type: 'AttachRequsted' }, ignore),
      // @ts-expect-error an event of another lifecycle
      signalbox.subscribe({ resource: mapped, type: 'AttachRequested' }, ignore),
      // @ts-expect-error no state change is of this type
      signalbox.subscribe({ category: 'ResourceStateEvent', type: 'VM.START' }, ignore),
      // @ts-expect-error a name alone tells no events
      signalbox.subscribe({ resource: 'Volume', type: 'AttachRequested' }, ignore),
      // @ts-expect-error a class without a lifecycle
      signalbox.subscribe({ resource: Row }, ignore),
    ];
    expectTypeOf(calls).toBeFunction();
  });

  it('take what is foreign where it is said to be', () => {
    const calls = (signalbox: CloudSignalbox, filter: EventFilter, selection: EventSelection) => [
      signalbox.subscribe(
        { category: 'ActionEvent', type: foreignType('INVOICE.SEND') },
        (event) => {
          expectTypeOf(event).toEqualTypeOf<ActionEvent>();
        },
      ),
      signalbox.subscribe({ resource: 'Invoice', type: ['Created', foreignType('Paid')] }, ignore),
      signalbox.subscribe('*.ActionEvent.INVOICE-SEND.#', ignore),
      // Nothing is known of these, and nothing held against them.
      signalbox.subscribe(filter, ignore),
      signalbox.subscribe(selection, (event) => {
        expectTypeOf(event).toEqualTypeOf<SignalboxEvent>();
      }),
      signalbox.subscribe({ resource: {} as AnyLifecycle, type: 'Whatever' }, ignore),
      // @ts-expect-error text that nobody has vouched for
      signalbox.subscribe({ category: 'ActionEvent', type: '' as string }, ignore),
    ];
    expectTypeOf(calls).toBeFunction();
  });

  it('are the same wherever a selection is taken', () => {
    const events = new RecordedEvents<typeof cloudStackEventTypes>();
    const calls = (signalbox: CloudSignalbox) => [
      signalbox.replay({ type: 'VM.START' }, { pool: 'p' }),
      // @ts-expect-error no event type
      signalbox.replay({ type: 'VM.STRAT' }, { pool: 'p' }),
      // @ts-expect-error no property of a filter
      subscribeEvents(memoryBus(), cloudEvents, { resorce: 'Volume' }, ignore),
      // @ts-expect-error no event type
      events.where({ type: 'VM.STRAT' }),
      // @ts-expect-error no property of a filter, beside one that is
      events.waitFor({ type: 'VM.START', resorce: 'VirtualMachine' }),
      bindingPatterns(['#', { type: 'VM.START' }]),
      // @ts-expect-error no property of a filter, in a list
      bindingPatterns([{ category: 'ActionEvent', resorce: 'Volume' }]),
    ];
    expectTypeOf(calls).toBeFunction();
  });

  it('know the state changes that every resource has', () => {
    expectTypeOf<StateChangeType>().toEqualTypeOf<
      | typeof created
      | typeof removed
      | typeof softRemoved
      | typeof recovered
      | typeof deadlineExceeded
    >();
  });
});
