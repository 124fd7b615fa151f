import { describe, expect, expectTypeOf, it } from 'vitest';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { subscribeEvents } from '../../../src/delivery/bus/event-subscription.js';
import { UnavailableError } from '../../../src/core/errors/errors.js';
import type { ResourceStateEvent, SignalboxEvent } from '../../../src/core/events/event.js';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import { cloudStack } from '../../../src/delivery/formats/cloudstack/cloudstack.js';
import {
  busDriver,
  logDriver,
  messagingDriver,
  notificationPriorities,
  notifier,
  notifyStateChanges,
  noopDriver,
  testDriver,
  type NotificationDriver,
  type NotificationPriority,
} from '../../../src/outside/notifications/index.js';
import { sampleEvents } from '../../core/events/sample-events.js';
import { eventually } from '../../support/eventually.js';

const publisherId = 'compute.host1';

function failing(name: string): NotificationDriver {
  return {
    name,
    notify: () => {
      throw new Error(`${name} is down`);
    },
  };
}

describe('a notifier', () => {
  it('has a method for each priority, and tells Nova’s six fields', async () => {
    const test = testDriver();
    const notify = notifier({ publisherId, drivers: [test] });
    for (const priority of notificationPriorities) {
      await notify[priority](
        'instance.create.end',
        { uuid: 'u' },
        { context: { request_id: 'r' } },
      );
    }
    expect(test.notifications.map(({ notification }) => notification.priority)).toEqual(
      notificationPriorities.map((each) => each.toUpperCase()),
    );
    expect(test.notifications[0]).toEqual({
      notification: {
        message_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
        publisher_id: publisherId,
        event_type: 'instance.create.end',
        priority: 'DEBUG',
        payload: { uuid: 'u' },
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?$/),
      },
      context: { request_id: 'r' },
    });
    expect(
      new Set(test.notifications.map(({ notification }) => notification.message_id)).size,
    ).toBe(7);
    test.clear();
    expect(test.notifications).toEqual([]);
  });

  it('tells every driver, also when others fail, and says which', async () => {
    const test = testDriver();
    const notify = notifier({ publisherId, drivers: [failing('pager'), test, failing('mail')] });
    const error: unknown = await notify
      .error('a.b', null, { messageId: 'm-1' })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error).toMatchObject({
      code: 'NOTIFICATION_NOT_DELIVERED',
      parameters: { id: 'm-1', type: 'a.b', drivers: ['pager', 'mail'] },
    });
    expect((error as Error).message).toMatch(/pager is down.*mail is down/);
    expect(test.notifications).toHaveLength(1);
  });

  it('is enabled only when somebody hears', () => {
    expect(notifier({ publisherId, drivers: [] }).enabled).toBe(false);
    expect(notifier({ publisherId, drivers: ['noop', noopDriver()] }).enabled).toBe(false);
    expect(notifier({ publisherId, drivers: ['noop', 'log'] }).enabled).toBe(true);
  });

  it('prepares another publisher over the same drivers', async () => {
    const test = testDriver();
    const other = notifier({ publisherId, drivers: [test] }).prepare({ publisherId: 'api.host2' });
    await other.info('a.b', 1);
    expect(test.notifications[0]?.notification.publisher_id).toBe('api.host2');
  });

  it('closes its drivers', async () => {
    const closed: string[] = [];
    const driver = { ...noopDriver(), close: async () => void closed.push('noop') };
    {
      await using notify = notifier({ publisherId, drivers: [driver, 'noop'] });
      await notify.notify('audit', 'a.b', {});
    }
    expect(closed).toEqual(['noop']);
  });

  it.each([
    ['a priority that is none', 'trace', 'a.b', {}, 'NOTIFICATION_INVALID', /trace/],
    ['no event type', 'info', '', {}, 'NOTIFICATION_INVALID', /eventType/],
    ['a payload that is no JSON', 'info', 'a.b', { at: Number.NaN }, 'PAYLOAD_NOT_JSON', /NaN/],
    [
      'a hidden prototype',
      'info',
      'a.b',
      JSON.parse('{"__proto__":1}'),
      'PAYLOAD_NOT_JSON',
      /__proto__/,
    ],
  ])('refuses %s, and tells nobody', async (_, priority, type, payload, code, text) => {
    const test = testDriver();
    const notify = notifier({ publisherId, drivers: [test] });
    const call = notify.notify(priority as NotificationPriority, type, payload);
    await expect(call).rejects.toMatchObject({ code, message: expect.stringMatching(text) });
    expect(test.notifications).toEqual([]);
  });

  it('refuses a publisher without a name and a driver that is none', () => {
    expect(() => notifier({ publisherId: '', drivers: [] })).toThrow(/publisherId/);
    // @ts-expect-error no driver of this name needs no options
    expect(() => notifier({ publisherId, drivers: ['messaging'] })).toThrow(/drivers/);
  });

  it('types its priorities', () => {
    const notify = notifier({ publisherId, drivers: [] });
    expectTypeOf<Parameters<typeof notify.notify>[0]>().toEqualTypeOf<
      'debug' | 'info' | 'warn' | 'error' | 'critical' | 'audit' | 'sample'
    >();
    // @ts-expect-error Python's alias is no priority
    expect(notify.warning).toBeUndefined();
    // @ts-expect-error a date is no JSON
    void notify.info('a.b', { at: new Date() }).catch(() => undefined);
  });
});

describe('the log driver', () => {
  it('writes a line by level, with secrets masked and no line of another’s making', async () => {
    const lines: string[] = [];
    const to = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
    const logger = { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') };
    const notify = notifier({ publisherId, drivers: [logDriver(logger)] });
    const payload = { admin_password: 'hunter2', nested: [{ auth_token: 'abc' }], name: 'web' };
    await notify.sample('a.b', payload);
    await notify.critical('a\nb', null);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^info oslo\.messaging\.notification\.a\.b \{.*"name":"web"/);
    expect(lines.join()).not.toMatch(/hunter2|abc/);
    expect(lines[1]).toMatch(/^error oslo\.messaging\.notification\.a\?b \{/);
    expect(lines.join('')).not.toContain('\n');
  });
});

describe('the messaging driver', () => {
  it('tells when the broker is away, and keeps no other driver from hearing', async () => {
    const test = testDriver();
    // Nothing listens on this port.
    const away = messagingDriver({ url: 'amqp://u:c4n4ry@127.0.0.1:1', publishTimeout: 300 });
    await using notify = notifier({ publisherId, drivers: [away, test] });
    const error: unknown = await notify.info('a.b', 1).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'NOTIFICATION_NOT_DELIVERED',
      parameters: { drivers: ['messaging'] },
    });
    expect((error as Error).message).not.toContain('c4n4ry');
    expect(test.notifications).toHaveLength(1);
  });
});

describe('the bus driver', () => {
  it('publishes the event that a notification tells of, in the format of the bus', async () => {
    await using plain = memoryBus();
    await using foreign = memoryBus({ format: cloudStack });
    const received: [string, SignalboxEvent][] = [];
    await subscribeEvents(plain, cloudEvents, '#', (event) => void received.push(['plain', event]));
    await subscribeEvents(foreign, cloudStack, { resource: 'VirtualMachine' }, (event, { key }) => {
      received.push([key, event]);
    });
    const notify = notifier({ publisherId, drivers: [busDriver(plain), busDriver(foreign)] });
    const uuid = '9d827485-0f46-4db8-bd39-fede97cbac0c';
    const { message_id: id } = await notify.info('instance.create.end', { uuid });
    await eventually(() => expect(received).toHaveLength(2));
    for (const [, event] of received) {
      expect(event).toMatchObject({ id, category: 'ActionEvent', type: 'instance.create' });
      expect(event.subject).toBe(`VirtualMachine/${uuid}`);
    }
    expect(received.map(([key]) => key)).toContain(
      `compute-host1.ActionEvent.instance-create.VirtualMachine.${uuid}`,
    );
  });
});

describe('state changes', () => {
  it('become instance.update with old and new state, under the id of the event', async () => {
    const test = testDriver();
    const notify = notifier({ publisherId, drivers: [test] });
    const event = sampleEvents[0] as ResourceStateEvent;
    await notifyStateChanges(notify)(event);
    await notifyStateChanges(notify, { resources: { guest: 'VirtualMachine' } })(event);
    expect(test.notifications.map(({ notification }) => notification.event_type)).toEqual([
      'instance.update',
      'guest.update',
    ]);
    expect(test.notifications[0]?.notification).toMatchObject({
      message_id: event.id,
      publisher_id: publisherId,
      priority: 'INFO',
      payload: { old_state: 'Stopped', state: 'Starting', instance_id: event.partitionkey },
    });
  });
});
