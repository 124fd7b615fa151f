// A user's program, compiled and run against the packed tarball.
import { defineLifecycle, memoryBus } from 'signalbox';
import { step } from 'signalbox/lifecycle';
import { rabbitmq } from 'signalbox/amqp';
import { checkLifecycle, inState, never } from 'signalbox/check';
import { mermaid } from 'signalbox/diagram';
import { virtualMachine } from 'signalbox/machines';
import { notifier, testDriver } from 'signalbox/notifications';
import { event, fires, ServiceManager } from 'signalbox/rpc';
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

const test = testDriver();
await notifier({ publisherId: 'host.1', drivers: [test] }).info('door.opened', { by: 'alice' });
if (test.notifications.length !== 1) throw new Error('a notification was not recorded');

// Made, not connected: no broker is needed to start a program.
const bus = rabbitmq({ url: 'amqp://127.0.0.1:1' });
await bus.close();
// Nobody has installed OpenTelemetry here.
const memory = memoryBus();
const services = new ServiceManager<{ door: { state(): string } }>({ bus: memory });
await services.expose('door', { state: () => 'Closed' });
if ((await services.client('door').state()) !== 'Closed') throw new Error('a call failed');
await services.close();
await memory.close();
// Decorators of the language, here; those of TypeScript in the package's own tests.
class Daemon {
  readonly started = event<string>();
  readonly stopped = event<{ code: number }>();

  @fires('started')
  start(host: string): string {
    return host;
  }

  @fires('stopped', (code: number) => ({ code }))
  async stop(code: number): Promise<number> {
    return code;
  }

  // @ts-expect-error no such event
  @fires('paused')
  pause(): void {}
}
const daemon = new Daemon();
const seen: unknown[] = [];
daemon.started.subscribe((host) => seen.push(host));
daemon.stopped.subscribe(({ code }) => seen.push(code));
daemon.start('node-1');
await daemon.stop(0);
if (seen.join() !== 'node-1,0') throw new Error('the events of an object were not fired');

console.log('the outside project works');
