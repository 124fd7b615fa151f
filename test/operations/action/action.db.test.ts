import { CloudEvent, HTTP } from 'cloudevents';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ActionEvent } from '../../../src/operations/action/action-event.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { VirtualMachine } from '../../../src/cli/demo/entities.js';
import { RefusedError } from '../../../src/core/errors/errors.js';
import { categories } from '../../../src/core/events/category.js';
import type {
  ActionEvent as ActionEventMessage,
  SignalboxEvent,
} from '../../../src/core/events/event.js';
import { validateEvent } from '../../../src/core/events/validate-event.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import { type Cloud, openCloud } from '../../e2e/support/cloud.js';
import { eachDatabase } from '../../support/databases.js';
import { eventually } from '../../support/eventually.js';

class HypervisorError extends Error {
  override readonly name = 'HypervisorError';
  readonly code = 'NO_CAPACITY';
}

class VirtualMachineService {
  constructor(readonly signalbox: Signalbox) {}

  @ActionEvent('VM.START', (uuid: string) => ({ subject: { resource: 'VirtualMachine', uuid } }))
  async start(uuid: string): Promise<string> {
    const { new: state } = await this.signalbox.transition(VirtualMachine, uuid, 'StartRequested');
    return state;
  }

  @ActionEvent('VM.STOP')
  async stop(): Promise<void> {
    throw new HypervisorError('it does not stop');
  }
}

eachDatabase((kind) => {
  let cloud: Cloud;
  let signalbox: Signalbox;
  let vm: VirtualMachine;
  const bus = memoryBus();
  const received: SignalboxEvent[] = [];

  beforeAll(async () => {
    cloud = await openCloud(kind);
    signalbox = await cloud.open({ bus });
    await signalbox.subscribe('#', (event) => void received.push(event));
  });
  afterAll(async () => {
    await cloud[Symbol.asyncDispose]();
    await bus.close();
  });
  beforeEach(async () => {
    vm = await signalbox.create(VirtualMachine, { name: 'web', account: 'acme' });
  });

  const subject = () => ({ resource: 'VirtualMachine', uuid: vm.uuid });
  const told = async (): Promise<readonly SignalboxEvent[]> =>
    (await cloud.journal())
      .map(({ event }) => event)
      .filter(({ partitionkey }) => partitionkey === vm.uuid)
      .slice(1);
  const actions = async (): Promise<readonly ActionEventMessage[]> =>
    (await told()).flatMap((event) => (event.category === 'ActionEvent' ? [event] : []));

  test('an action that succeeds is told Started then Completed, linked, and causes what it does', async () => {
    const settings = {
      subject: subject(),
      description: 'booting',
      actor: 'alice',
      account: 'acme',
    };
    const result = await signalbox.action('VM.START', settings, async (action) => {
      action.addDetails({ host: 'host-7' });
      await signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested');
      return action.id;
    });
    const [started, change, completed, ...others] = await told();
    expect(others).toEqual([]);
    expect(result).toBe(started?.id);
    expect(started).toMatchObject({
      category: 'ActionEvent',
      type: 'VM.START',
      subject: `VirtualMachine/${vm.uuid}`,
      actor: 'alice',
      account: 'acme',
      data: { status: 'Started', description: 'booting' },
    });
    expect(change).toMatchObject({
      category: 'ResourceStateEvent',
      actor: 'alice',
      causationid: started?.id,
      correlationid: started?.id,
    });
    expect(completed).toMatchObject({
      category: 'ActionEvent',
      causationid: started?.id,
      correlationid: started?.id,
      data: { status: 'Completed', startid: started?.id, details: { host: 'host-7' } },
    });
    expect((completed as ActionEventMessage).data.duration).toBeGreaterThanOrEqual(0);
  });

  test('an action that fails is told Failed with its error, and rejects with that very error', async () => {
    const error = new HypervisorError('amqp://user:canary@host is full');
    const settings = { subject: subject(), correlationId: 'request-1' };
    await expect(signalbox.action('VM.START', settings, () => Promise.reject(error))).rejects.toBe(
      error,
    );
    const [started, failed] = await actions();
    expect(failed).toMatchObject({
      causationid: started?.id,
      correlationid: 'request-1',
      data: {
        status: 'Failed',
        startid: started?.id,
        error: {
          name: 'HypervisorError',
          message: 'amqp://user:***@host is full',
          code: 'NO_CAPACITY',
        },
      },
    });
    expect(failed?.data.duration).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(failed)).not.toContain('action.db.test');
  });

  test('an action in a transaction that is rolled back leaves no trace', async () => {
    const before = (await cloud.journal()).length;
    await expect(
      cloud.dataSource.transaction((manager) =>
        signalbox.action('VM.START', { subject: subject(), manager }, async () => {
          await signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested', { manager });
          throw new HypervisorError('no');
        }),
      ),
    ).rejects.toBeInstanceOf(HypervisorError);
    expect((await cloud.journal()).length).toBe(before);
  });

  test('an action in a transaction commits with it', async () => {
    await cloud.dataSource.transaction((manager) =>
      signalbox.action('VM.START', { subject: subject(), manager }, () =>
        signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested', { manager }),
      ),
    );
    expect((await told()).map(({ category }) => category)).toEqual([
      'ActionEvent',
      'ResourceStateEvent',
      'ActionEvent',
    ]);
  });

  test('an operation that breaks its transaction rejects with its own error', async () => {
    await expect(
      cloud.dataSource.transaction((manager) =>
        signalbox.action('VM.START', { subject: subject(), manager }, () =>
          manager.query('SELECT 1 FROM nowhere'),
        ),
      ),
    ).rejects.toThrow(/nowhere/);
    expect(await actions()).toEqual([]);
  });

  test('details that are no JSON are refused where they are given', async () => {
    const running = signalbox.action('VM.START', { subject: subject() }, (action) => {
      action.addDetails({ when: new Date() as never });
    });
    await expect(running).rejects.toMatchObject({ code: 'PAYLOAD_NOT_JSON' });
    const statuses = (await actions()).map(({ data }) => data.status);
    expect(statuses).toEqual(['Started', 'Failed']);
  });

  test('actions nest: the inner one is caused by the outer one and correlated with it', async () => {
    await signalbox.action('VM.CREATE', { subject: subject() }, () =>
      signalbox.action('VM.START', { subject: subject() }, () => undefined),
    );
    const [outer, inner] = await actions();
    expect(inner).toMatchObject({
      type: 'VM.START',
      causationid: outer?.id,
      correlationid: outer?.id,
    });
  });

  test('the decorator announces a method, with settings made from its arguments', async () => {
    const service = new VirtualMachineService(signalbox);
    await expect(service.start(vm.uuid)).resolves.toBe('Starting');
    expect((await told()).map(({ type }) => type)).toEqual([
      'VM.START',
      'StartRequested',
      'VM.START',
    ]);
    await expect(service.stop()).rejects.toThrow('it does not stop');
  });

  test('usage and alerts are announced by call and by declaration', async () => {
    const id = await signalbox.recordUsage('VOLUME.CREATE', {
      subject: { resource: 'VirtualMachine', uuid: vm.uuid.toUpperCase() },
      details: { sizeGib: 10 },
    });
    await signalbox.raiseAlert('ALERT.USERVM', 'The machine is slow', {
      subject: subject(),
      body: 'since noon',
      details: { load: 9 },
    });
    await signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested');
    await signalbox.transition(VirtualMachine, vm.uuid, 'OperationSucceeded');
    const events = await told();
    expect(events[0]).toMatchObject({
      id,
      category: 'UsageEvent',
      data: { details: { sizeGib: 10 } },
    });
    expect(events[1]).toMatchObject({
      category: 'AlertEvent',
      data: { subject: 'The machine is slow', body: 'since noon', details: { load: 9 } },
    });
    const declared = events.slice(2).filter(({ category }) => category === 'UsageEvent');
    expect(declared).toMatchObject([{ type: 'VM.START', revision: 3, account: 'acme' }]);
  });

  test('a type that nobody registered is refused before anything is written', async () => {
    const before = (await cloud.journal()).length;
    for (const refused of [
      () => signalbox.action('VM.STRAT' as never, {}, () => undefined),
      () => signalbox.recordUsage('VM.STRAT' as never),
      () => signalbox.raiseAlert('ALERT.NOBODY' as never, 'x'),
    ]) {
      const error: unknown = await refused().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RefusedError);
      expect(error).toMatchObject({ code: 'UNKNOWN_EVENT_TYPE' });
    }
    expect((await cloud.journal()).length).toBe(before);
  });

  test('every event that was announced is a CloudEvent to the official SDK and to its own schema', async () => {
    await signalbox.jobs.submit('probe', { subject: subject() });
    const journal = (await cloud.journal()).map(({ event }) => event);
    await eventually(() => {
      const ids = new Set(received.map(({ id }) => id));
      expect(journal.filter(({ id }) => !ids.has(id))).toEqual([]);
    });
    expect(new Set(received.map(({ category }) => category))).toEqual(new Set(categories));
    for (const event of received) {
      expect(validateEvent(event)).toBe(event);
      const parsed = HTTP.toEvent({
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event),
      });
      expect(parsed).toBeInstanceOf(CloudEvent);
      expect((parsed as CloudEvent).validate()).toBe(true);
      expect(parsed).toMatchObject({ id: event.id, category: event.category, data: event.data });
    }
  });
});
