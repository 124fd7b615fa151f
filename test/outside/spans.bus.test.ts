import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { EventManager } from '../../src/outside/rpc/event-manager.js';
import { ServiceManager } from '../../src/outside/rpc/service-manager.js';
import { openPoolPlace, type PoolPlace } from '../delivery/amqp/pool-place.js';
import { eventually } from '../support/eventually.js';
import { recordSpans } from '../support/recorded-spans.js';
import { serviceUrl } from '../support/service-url.js';

const { provider, named, first, pathOf } = recordSpans();
const tracer = provider.getTracer('caller');

let place: PoolPlace;
beforeEach(async () => {
  place = await openPoolPlace(serviceUrl('rabbitmq'));
});
afterEach(() => place[Symbol.asyncDispose]());

test('a call is a span of its caller, and of its server beneath it, with the status of its end', async () => {
  await using bus = memoryBus();
  const services = new ServiceManager<{ volumes: { list(): string; break(): void } }>({ bus });
  await services.expose('volumes', {
    list: () => tracer.startActiveSpan('disk', (span) => (span.end(), 'one')),
    break: () => {
      throw new Error('broken');
    },
  });
  const volumes = services.client('volumes');
  await tracer.startActiveSpan('request', async (span) => {
    expect(await volumes.list()).toBe('one');
    await expect(volumes.break()).rejects.toMatchObject({ code: 'METHOD_FAILED' });
    span.end();
  });
  expect(pathOf(await first('disk'))).toEqual(['request', 'volumes/list', 'volumes/list', 'disk']);
  for (const kind of [SpanKind.CLIENT, SpanKind.SERVER]) {
    expect(named('volumes/list').find((span) => span.kind === kind)).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'rpc.system': 'signalbox', 'rpc.service': 'volumes', 'rpc.method': 'list' },
    });
    expect(named('volumes/break').find((span) => span.kind === kind)).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
    });
  }
  await services.close();
});

test('an event of an EventManager is handled in the trace of who emitted it', async () => {
  await using bus = memoryBus();
  const events = new EventManager<{ 'volume.full': { readonly used: number } }>({ bus });
  await events.subscribe('volume.full', () =>
    tracer.startActiveSpan('alarm', (span) => span.end()),
  );
  await tracer.startActiveSpan('request', async (span) => {
    await events.emit('volume.full', { used: 100 });
    span.end();
  });
  await first('handle events');
  expect(pathOf(await first('alarm'))).toEqual([
    'request',
    'emit events',
    'handle events',
    'alarm',
  ]);
  await events.close();
});

test('the callback of a consumer pool has a span in the trace of its message, for each try', async () => {
  const { nova, peer } = place;
  await peer.channel.assertExchange(nova, 'topic');
  const bus = place.connect();
  const member = await place.join(
    bus,
    { pool: 'inventory', topic: 'info', exchange: nova, retry: { attempts: 2, delay: 1 } },
    (_, { attempt }) => {
      if (attempt === 1) throw new Error('not yet');
    },
  );
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  await peer.publish(nova, 'info', '1', { headers: { traceparent }, messageId: 'one' });
  await eventually(() => expect(named(`handle ${nova}`)).toHaveLength(2));
  const [failed, handled] = named(`handle ${nova}`);
  expect([failed?.status.code, handled?.status.code]).toEqual([
    SpanStatusCode.ERROR,
    SpanStatusCode.UNSET,
  ]);
  expect(handled).toMatchObject({
    kind: SpanKind.CONSUMER,
    parentSpanContext: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
    attributes: {
      'messaging.system': 'rabbitmq',
      'messaging.destination.name': nova,
      'messaging.message.id': 'one',
      'messaging.message.body.size': 1,
      'messaging.rabbitmq.destination.routing_key': 'info',
      'signalbox.attempt': 2,
    },
  });
  expect(member.bodies()).toContain(1);
});
