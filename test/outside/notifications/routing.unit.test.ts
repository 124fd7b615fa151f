import { describe, expect, it } from 'vitest';
import { globMatcher } from '../../../src/outside/notifications/glob.js';
import {
  notifier,
  routingDriver,
  routingDriverFromYaml,
  testDriver,
  type NotificationDriver,
  type TestDriver,
} from '../../../src/outside/notifications/index.js';

const yaml = `
everything_else:
  audit:
    accepted_priorities: [audit, sample]
alarms:
  pager:
    accepted_events: ['compute.instance.*', 'volume.[!d]*']
    accepted_priorities: [ERROR, crit*]
  audit:
    accepted_events: ['*.error']
`;

function drivers(): Record<'pager' | 'audit', TestDriver> {
  return { pager: testDriver(), audit: testDriver() };
}

function heard(driver: TestDriver): readonly string[] {
  return driver.notifications.map(({ notification }) => notification.event_type);
}

describe('the routing driver', () => {
  it('gives each driver what a rule of any group takes, once', async () => {
    const { pager, audit } = drivers();
    const routing = await routingDriverFromYaml(yaml, { pager, audit });
    const notify = notifier({ publisherId: 'p', drivers: [routing] });
    await notify.error('compute.instance.create.error', 1);
    await notify.critical('volume.create', 2);
    await notify.critical('volume.delete', 3);
    await notify.info('compute.instance.create.start', 4);
    await notify.sample('compute.instance.error', 5);
    expect(heard(pager)).toEqual(['compute.instance.create.error', 'volume.create']);
    expect(heard(audit)).toEqual(['compute.instance.create.error', 'compute.instance.error']);
  });

  it('takes everything by a rule without lists, and routes nothing by an empty file', async () => {
    const { pager, audit } = drivers();
    const all = notifier({
      publisherId: 'p',
      drivers: [routingDriver({ all: { pager: {} } }, { pager, audit })],
    });
    const none = await routingDriverFromYaml('', { pager, audit });
    await all.debug('a.b', 1);
    await notifier({ publisherId: 'p', drivers: [none] }).error('a.b', 1);
    expect([heard(pager), heard(audit)]).toEqual([['a.b'], []]);
  });

  it('tries every driver, and tells what failed', async () => {
    const { audit } = drivers();
    const broken: NotificationDriver = {
      name: 'pager',
      notify: () => Promise.reject(new Error('no line')),
    };
    const routing = routingDriver({ g: { pager: {}, audit: {} } }, { pager: broken, audit });
    const call = notifier({ publisherId: 'p', drivers: [routing] }).info('a.b', 1);
    await expect(call).rejects.toThrow(/routing \(no line\)/);
    expect(heard(audit)).toEqual(['a.b']);
  });

  it.each([
    ['no YAML', 'a: [', 'CONFIG_FILE_INVALID', /not YAML/],
    ['a list', '- a', 'CONFIG_VALUE_INVALID', /the file is no map/],
    ['a group that is text', 'g: x', 'CONFIG_VALUE_INVALID', /g is no map/],
    ['a rule that is null', 'g:\n  pager:\n', 'CONFIG_VALUE_INVALID', /g.pager is no map/],
    ['an unknown driver', 'g: {pagr: {}}', 'CONFIG_KEY_UNKNOWN', /Did you mean 'pager'/],
    [
      'a misspelt rule',
      'g: {pager: {accepted_event: [a]}}',
      'CONFIG_KEY_UNKNOWN',
      /'accepted_events'/,
    ],
    ['a list that is text', 'g: {pager: {accepted_events: a}}', 'CONFIG_VALUE_INVALID', /list/],
    [
      'a priority that is none',
      'g: {pager: {accepted_priorities: [warning]}}',
      'CONFIG_VALUE_INVALID',
      /warning/,
    ],
  ])('refuses %s', async (_, text, code, reason) => {
    const { pager, audit } = drivers();
    await expect(routingDriverFromYaml(text, { pager, audit })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(reason),
    });
  });

  it('types its drivers by their names', () => {
    // @ts-expect-error no such driver is given
    expect(() => routingDriver({ g: { mail: {} } }, drivers())).toThrow(/mail/);
  });
});

describe('a glob', () => {
  it.each([
    ['*', '', true],
    ['compute.*', 'compute.instance.create', true],
    ['compute.*', 'computeX', false],
    ['a?c', 'a😀c', true],
    ['a.c', 'abc', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[]]', ']', true],
    ['[!]]', ']', false],
    ['[c-a]', 'b', false],
    ['[!c-a]', 'b', true],
    ['[a-]', '-', true],
    ['[', '[', true],
    ['a[b', 'a[b', true],
    ['^$', '^$', true],
    ['*', 'a\nb', true],
  ])('%s on %s: %s', (pattern, text, expected) => {
    expect(globMatcher(pattern)(text)).toBe(expected);
  });
});
