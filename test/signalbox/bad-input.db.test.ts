import { cloudStackEventTypes } from '../../machines/index.js';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LoadBalancer } from '../../examples/load-balancer.js';
import { rabbitmq } from '../../src/delivery/amqp/index.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { Network, VirtualMachine } from '../../src/cli/demo/entities.js';
import { connectDatabase } from '../../src/config/connect-database.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import {
  ConfigurationError,
  RefusedError,
  SignalboxError,
  UnavailableError,
} from '../../src/core/errors/errors.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import type { RelayNotice } from '../../src/delivery/relay/relay-notice.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import type { ServiceName } from '../../scripts/servers/service.js';
import { serviceUrl } from '../support/service-url.js';
import { type Cloud, openCloud } from '../e2e/support/cloud.js';
import { eachDatabase, freshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

const nobody = '00000000-0000-4000-8000-000000000000';

async function errorOf(work: () => unknown): Promise<SignalboxError> {
  let error: unknown;
  try {
    await work();
  } catch (thrown) {
    error = thrown;
  }
  expect(error, 'it must fail').toBeInstanceOf(SignalboxError);
  return error as SignalboxError;
}

eachDatabase((kind) => {
  let cloud: Cloud;
  let signalbox: Signalbox;
  let vm: VirtualMachine;
  const bus = memoryBus();

  beforeAll(async () => {
    cloud = await openCloud(kind);
    signalbox = await cloud.open({ bus });
    vm = await signalbox.create(VirtualMachine, { name: 'web' });
  });
  afterAll(async () => {
    await cloud[Symbol.asyncDispose]();
    await bus.close();
  });

  /** The error, with the proof that nothing was written. */
  async function refused(work: () => unknown): Promise<SignalboxError> {
    const facts = async () => ({
      journal: (await cloud.journal()).length,
      deadlines: await cloud.deadlines(),
      vm: await cloud.dataSource.manager.findOneByOrFail(VirtualMachine, { uuid: vm.uuid }),
    });
    const before = await facts();
    const error = await errorOf(work);
    expect(await facts()).toEqual(before);
    return error;
  }

  describe('an event that is not lawful now', () => {
    test('is refused with code, message, parameters and what is lawful', async () => {
      for (const work of [
        () => signalbox.transition(VirtualMachine, vm.uuid, 'OperationRetry'),
        () => signalbox.send(vm, 'OperationRetry'),
        () =>
          cloud.dataSource.transaction((manager) =>
            signalbox.transition(VirtualMachine, vm.uuid, 'OperationRetry', { manager }),
          ),
      ]) {
        const error = await refused(work);
        expect(error).toBeInstanceOf(RefusedError);
        expect(error.code).toBe('EVENT_NOT_LAWFUL');
        const [refusal] = (error as RefusedError).refusals;
        expect(refusal).toMatchObject({
          code: 'EVENT_NOT_LAWFUL',
          parameters: {
            resource: 'VirtualMachine',
            uuid: vm.uuid,
            state: 'Stopped',
            event: 'OperationRetry',
            lawful: expect.arrayContaining(['StartRequested', 'DestroyRequested']),
          },
        });
        for (const word of [
          'VirtualMachine',
          vm.uuid,
          'Stopped',
          'OperationRetry',
          'StartRequested',
        ])
          expect(refusal?.message).toContain(word);
      }
    });

    test('is explained before it is tried', async () => {
      const explanation = await signalbox.explain(VirtualMachine, vm.uuid, 'OperationRetry');
      expect(explanation.lawful).toBe(false);
      expect(explanation.refusals.map(({ code }) => code)).toEqual(['EVENT_NOT_LAWFUL']);
      expect(explanation.lawfulEvents).toContain('StartRequested');
    });

    test('is refused by its guards by name', async () => {
      const { uuid } = await signalbox.create(LoadBalancer, { members: 0 });
      const error = await refused(() =>
        signalbox.transition(LoadBalancer, uuid, 'DeployRequested'),
      );
      expect(error).toMatchObject({
        code: 'GUARD_REFUSED',
        parameters: { guards: ['hasMembers'] },
      });
    });
  });

  test('an unknown event is refused, with the one that was meant', async () => {
    for (const work of [
      () => signalbox.transition(VirtualMachine, vm.uuid, 'StartRequestd' as never),
      () => signalbox.send(vm, 'StartRequestd' as never),
      () => signalbox.transition(VirtualMachine, vm.uuid, undefined as never),
      () => signalbox.transition(VirtualMachine, vm.uuid, 'toString' as never),
    ]) {
      expect((await refused(work)).code).toBe('UNKNOWN_EVENT');
    }
    const misspelt = () => signalbox.transition(VirtualMachine, vm.uuid, 'StartRequestd' as never);
    expect((await refused(misspelt)).message).toContain("'StartRequested'");
  });

  test('an unknown resource is refused by its uuid', async () => {
    for (const work of [
      () => signalbox.transition(VirtualMachine, nobody, 'StartRequested'),
      () => signalbox.explain(VirtualMachine, nobody, 'StartRequested'),
      () =>
        cloud.dataSource.transaction((manager) =>
          signalbox.transition(VirtualMachine, nobody, 'StartRequested', { manager }),
        ),
    ]) {
      const error = await refused(work);
      expect(error).toBeInstanceOf(RefusedError);
      expect(error).toMatchObject({ code: 'UNKNOWN_RESOURCE', parameters: { uuid: nobody } });
    }
  });

  test('a class that nobody registered is named with the remedy', async () => {
    class Stranger {
      static readonly lifecycle = VirtualMachine.lifecycle;
    }
    for (const work of [
      () => signalbox.transition(Stranger, nobody, 'StartRequested'),
      () => signalbox.send(new Stranger(), 'StartRequested' as never),
    ]) {
      const error = await refused(work);
      expect(error.code).toBe('RESOURCE_NOT_REGISTERED');
      expect(error.message).toMatch(/Stranger.*createSignalbox/);
    }
  });

  test('a malformed uuid is refused wherever one is given', async () => {
    const subject = { resource: 'VirtualMachine', uuid: 'vm-1' };
    for (const work of [
      () => signalbox.transition(VirtualMachine, 'vm-1', 'StartRequested'),
      () => signalbox.transition(VirtualMachine, undefined as never, 'StartRequested'),
      () => signalbox.explain(VirtualMachine, `${nobody}0`, 'StartRequested'),
      () => signalbox.create(VirtualMachine, { name: 'x', uuid: 'vm-1' }),
      () => signalbox.history(VirtualMachine, "' OR 1=1 --"),
      () => signalbox.action('VM.START', { subject }, () => undefined),
      () => signalbox.recordUsage('VM.START', { subject }),
      () => signalbox.raiseAlert('ALERT.USERVM', 'x', { subject }),
    ]) {
      const error = await refused(work);
      expect([error.code, error.message]).toEqual([
        'MALFORMED_UUID',
        expect.stringContaining('8-4-4-4-12'),
      ]);
    }
  });

  test('a state in the row that the lifecycle does not know is named, with row and version', async () => {
    const strange = await signalbox.create(Network, { name: 'old' });
    await cloud.dataSource.query(
      `UPDATE demo_network SET state = 'Vanished' WHERE uuid = '${strange.uuid}'`,
    );
    const loaded = await cloud.dataSource.manager.findOneByOrFail(Network, { uuid: strange.uuid });
    for (const work of [
      () => signalbox.transition(Network, strange.uuid, 'ImplementNetwork'),
      () => signalbox.send(loaded, 'ImplementNetwork'),
      () =>
        cloud.dataSource.transaction((manager) =>
          signalbox.transition(Network, strange.uuid, 'ImplementNetwork', { manager }),
        ),
    ]) {
      const error = await refused(work);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.code).toBe('UNKNOWN_STATE');
      expect(error.message).toContain(`Network ${strange.uuid} is in state 'Vanished'`);
    }
  });

  test('a state nothing is created in is refused', async () => {
    const error = await refused(() =>
      signalbox.create(VirtualMachine, { name: 'x', state: 'Migrating' }),
    );
    expect(error.code).toBe('UNKNOWN_INITIAL_STATE');
  });

  test('a payload over the limit is refused, whatever carries it', async () => {
    const large = 'x'.repeat(257 * 1024);
    const details = { large };
    const ran: string[] = [];
    const job = await signalbox.jobs.submit('createSnapshot');
    for (const work of [
      () => signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested', { reason: large }),
      () =>
        cloud.dataSource.transaction((manager) =>
          signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested', {
            reason: large,
            manager,
          }),
        ),
      () =>
        cloud.dataSource.transaction(async (manager) => {
          const entity = await manager.findOneByOrFail(VirtualMachine, { uuid: vm.uuid });
          signalbox.send(entity, 'StartRequested', { reason: large });
          await manager.save(entity);
        }),
      () => signalbox.create(VirtualMachine, { name: 'x' }, { reason: large }),
      () => signalbox.action('VM.START', { details }, () => void ran.push('ran')),
      () => signalbox.recordUsage('VM.START', { details }),
      () => signalbox.raiseAlert('ALERT.USERVM', large),
      () => signalbox.jobs.complete(job, details),
    ]) {
      const error = await refused(work);
      expect(error.code).toBe('PAYLOAD_TOO_LARGE');
      expect(error.message).toMatch(/262144/);
      expect(error.message.length).toBeLessThan(1000);
    }
    expect(ran).toEqual([]);
  });

  test('a payload that is no JSON is refused with the property that is not', async () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const value of [undefined, Number.NaN, 1n, new Date(), () => 1, new Map(), cycle]) {
      const error = await refused(() =>
        signalbox.recordUsage('VM.START', { details: { value } as never }),
      );
      expect(error.code).toBe('PAYLOAD_NOT_JSON');
      expect(error.message).toContain('data.details.value');
    }
  });

  test('a routing key over 255 bytes is refused before anything starts or is written', async () => {
    const source = 'management-server-'.repeat(12);
    const set = () =>
      createSignalbox({
        dataSource: cloud.dataSource,
        eventTypes: cloudStackEventTypes,
        resources: [VirtualMachine],
        source,
      });
    expect(await refused(set)).toMatchObject({ code: 'ROUTING_KEY_TOO_LONG' });
    const subject = { resource: 'R'.repeat(200), uuid: nobody };
    for (const work of [
      () => signalbox.recordUsage('VM.START', { subject }),
      () => signalbox.jobs.submit('x', { subject }),
    ]) {
      const error = await refused(work);
      expect([error.code, error.message]).toEqual([
        'ROUTING_KEY_TOO_LONG',
        expect.stringContaining('255'),
      ]);
    }
  });

  test('a filter that can match nothing is refused', async () => {
    for (const selection of ['a.b.c.d.e.f', { resorce: 'Volume' }, { uuid: [] }, []]) {
      const error = await refused(() => signalbox.subscribe(selection as never, () => undefined));
      expect(error.code).toBe('FILTER_INVALID');
    }
  });

  test('a manager without a transaction is refused', async () => {
    const { manager } = cloud.dataSource;
    for (const work of [
      () => signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested', { manager }),
      () => signalbox.recordUsage('VM.START', { manager }),
      () => signalbox.jobs.submit('x', { manager }),
    ]) {
      expect((await refused(work)).code).toBe('TRANSACTION_MISSING');
    }
  });

  test('a database that is not migrated is refused with the remedy', async () => {
    await using empty = await freshDatabase(kind);
    const dataSource = await connectDatabase(empty.url, { entities: [VirtualMachine] });
    try {
      const error = await errorOf(() =>
        createSignalbox({
          dataSource,
          source: 'management-server',
          eventTypes: cloudStackEventTypes,
          resources: [VirtualMachine],
        }),
      );
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.code).toBe('DATABASE_NOT_MIGRATED');
      expect(error.message).toContain('signalbox migrate');
    } finally {
      await dataSource.destroy();
    }
  });

  test('a poison message is dead-lettered with its reason, and the others go on', async () => {
    const seen: SignalboxEvent[] = [];
    const { uuid } = await signalbox.create(VirtualMachine, { name: 'poison' });
    const pool = `poison-${kind}`;
    const subscription = await signalbox.subscribe(
      { resource: 'VirtualMachine' },
      (event) => {
        if (event.partitionkey === uuid) throw new Error('cannot digest it');
        seen.push(event);
      },
      { pool, retry: { attempts: 2, delay: 1 } },
    );
    const publish = (id: string, contentType: string, text: string) =>
      bus.publish({
        key: `x.UsageEvent.VM-START.VirtualMachine.${nobody}`,
        id,
        contentType,
        headers: {},
        body: Buffer.from(text),
      });
    await publish('garbage', 'application/cloudevents+json', '{"id":');
    await publish('stranger', 'text/plain', 'hello');
    await publish('wrong', 'application/cloudevents+json', '{"category":"UsageEvent"}');
    await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
    const good = await signalbox.create(VirtualMachine, { name: 'good' });
    await eventually(async () => {
      expect(seen.map(({ partitionkey }) => partitionkey)).toContain(good.uuid);
      const letters = (await bus.deadLetters?.read(pool)) ?? [];
      const reasons = new Map(letters.map(({ message, reason }) => [message.id, reason]));
      expect(reasons.get('garbage')).toContain('not JSON');
      expect(reasons.get('stranger')).toContain('text/plain');
      expect(reasons.get('wrong')).toContain('not valid');
      expect([...reasons.values()].join()).toContain('cannot digest it');
    });
    await subscription.unsubscribe({ removePool: true });
  });
});

describe('what is away or refuses the password', () => {
  const canary = 'c4n4ry-s3cret';

  /** Everything that somebody may log of an error. */
  function everything(error: Error): string {
    return [error.message, error.stack, JSON.stringify(error), inspect(error, { depth: 9 })].join();
  }

  const at = (service: ServiceName, change: (url: URL) => void) => (): string => {
    const url = new URL(serviceUrl(service));
    change(url);
    return url.href;
  };
  const stranger = (url: URL): void => {
    url.username = 'nobody';
    url.password = canary;
  };
  const closed = (url: URL): void => {
    url.password = canary;
    url.port = '1';
  };
  const missing = (url: URL): void => {
    url.pathname = '/no_such_database';
  };

  test.each([
    ['mariadb, to a stranger', at('mariadb', stranger), 'DATABASE_CREDENTIALS_REFUSED'],
    ['postgres, to a stranger', at('postgres', stranger), 'DATABASE_CREDENTIALS_REFUSED'],
    ['mariadb, where nobody listens', at('mariadb', closed), 'DATABASE_UNAVAILABLE'],
    ['postgres, where nobody listens', at('postgres', closed), 'DATABASE_UNAVAILABLE'],
    ['mariadb, without the database', at('mariadb', missing), 'DATABASE_NOT_MIGRATED'],
    ['postgres, without the database', at('postgres', missing), 'DATABASE_NOT_MIGRATED'],
    ['another kind', () => `mongodb://root:${canary}@127.0.0.1/test`, 'CONFIG_VALUE_INVALID'],
    ['no URL', () => `postgres://root:${canary} @127.0.0.1:x/test`, 'CONFIG_VALUE_INVALID'],
    ['no kind', () => `root:${canary}@127.0.0.1/test`, 'CONFIG_VALUE_INVALID'],
  ])('a database of %s is a typed error without the password', async (_, url, code) => {
    const error = await errorOf(() => connectDatabase(url()));
    expect(error.code).toBe(code);
    expect(error).toBeInstanceOf(
      code === 'DATABASE_UNAVAILABLE' ? UnavailableError : ConfigurationError,
    );
    // Which one, for somebody who has several.
    if (code !== 'CONFIG_VALUE_INVALID') expect(error.message).toContain(new URL(url()).host);
    expect(everything(error)).not.toContain(canary);
  });

  test.each([
    ['with a wrong password', at('rabbitmq', stranger), 'BUS_CREDENTIALS_REFUSED'],
    ['where nobody listens', at('rabbitmq', closed), 'BUS_UNAVAILABLE'],
  ])('a broker %s is a typed error without the password', async (_, url, code) => {
    const bus = rabbitmq({ url: url(), publishTimeout: 500, connectTimeout: 500 });
    try {
      const error = await errorOf(() => bus.connect());
      expect(error.code).toBe(code);
      expect(everything(error)).not.toContain(canary);
    } finally {
      await bus.close();
    }
  });

  test('a broker that refuses the password is told to the relay’s listener, without it', async () => {
    await using cloud = await openCloud('sqlite');
    const url = at('rabbitmq', stranger)();
    const bus = rabbitmq({ url, publishTimeout: 500 });
    const notices: RelayNotice[] = [];
    const signalbox = await cloud.open({
      bus,
      relay: { stopTimeout: 0 },
      onRelayNotice: (notice) => void notices.push(notice),
    });
    await signalbox.create(VirtualMachine, { name: 'web' });
    const away = await eventually(() => {
      const found = notices.find((notice) => notice.kind === 'busUnavailable');
      if (found === undefined) throw new Error('not told yet');
      return found;
    });
    expect(away.error).toMatchObject({ code: 'BUS_CREDENTIALS_REFUSED' });
    expect(everything(away.error)).not.toContain(canary);
    await signalbox.close();
    await bus.close();
  });
});
