import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VirtualMachine } from '../../src/cli/demo/entities.js';
import type { Bus } from '../../src/delivery/bus/bus.js';
import { DeadLetterError } from '../../src/delivery/bus/dead-letter-error.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { type Cloud, openCloud } from '../e2e/support/cloud.js';
import { eventually } from '../support/eventually.js';
import { recordSpans } from '../support/recorded-spans.js';

const recorded = recordSpans();
const { exporter, provider, named: spansNamed, first: spanNamed, pathOf } = recorded;
let cloud: Cloud;
let bus: Bus;

beforeEach(async () => {
  cloud = await openCloud('sqlite');
  bus = memoryBus();
});
afterEach(async () => {
  await cloud[Symbol.asyncDispose]();
  await bus.close();
});

test('publish and handle continue the trace of the transition, and what a handler announces goes on in it', async () => {
  const signalbox = await cloud.open({ bus });
  const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
  let announced: string | undefined;
  await signalbox.subscribe(
    '*.*.StartRequested.#',
    async () => {
      announced = await signalbox.recordUsage('VM.START');
    },
    { pool: 'billing' },
  );
  await provider.getTracer('caller').startActiveSpan('request', async (span) => {
    await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
    span.end();
  });
  const usage = await spanNamed('announce UsageEvent');
  await eventually(() =>
    expect(spansNamed('publish memory').map(pathOf)).toEqual(
      expect.arrayContaining([
        ['create VirtualMachine', 'publish memory'],
        ['request', 'transition VirtualMachine', 'publish memory'],
        ['request', 'transition VirtualMachine', 'handle memory', 'announce UsageEvent', 'publish memory'], // prettier-ignore
      ]),
    ),
  );
  expect(pathOf(usage)).toEqual(['request', 'transition VirtualMachine', 'handle memory', 'announce UsageEvent']); // prettier-ignore

  const journal = await cloud.journal();
  const { event } = journal.find(({ event: { id } }) => id === announced) ?? {};
  const { traceId, spanId } = usage.spanContext();
  expect(event?.traceparent).toBe(`00-${traceId}-${spanId}-01`);

  const step = journal.find(({ event: { type } }) => type === 'StartRequested')?.event;
  const key = `management-server.ResourceStateEvent.StartRequested.VirtualMachine.${uuid}`;
  const message = {
    'messaging.system': 'memory',
    'messaging.destination.name': 'memory',
    'messaging.message.id': step?.id,
    'signalbox.bus': 'memory',
    'signalbox.routing_key': key,
    'signalbox.category': 'ResourceStateEvent',
    'signalbox.type': 'StartRequested',
  };
  const published = spansNamed('publish memory').find(
    ({ attributes }) => attributes['signalbox.type'] === 'StartRequested',
  );
  expect(published).toMatchObject({
    kind: SpanKind.PRODUCER,
    attributes: {
      ...message,
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
    },
  });
  expect(await spanNamed('handle memory')).toMatchObject({
    kind: SpanKind.CONSUMER,
    status: { code: SpanStatusCode.UNSET },
    attributes: {
      ...message,
      'messaging.operation.name': 'handle',
      'messaging.operation.type': 'process',
      'messaging.consumer.group.name': 'billing',
      'signalbox.attempt': 1,
    },
  });
  expect((await spanNamed('transition VirtualMachine')).attributes).toEqual({
    'signalbox.resource': 'VirtualMachine',
    'signalbox.uuid': uuid,
    'signalbox.event': 'StartRequested',
  });
});

test('each call that announces has a span of its own, and its events are of it', async () => {
  const signalbox = await cloud.open({ relay: false });
  const vm = await signalbox.create(VirtualMachine, { name: 'web' });
  await signalbox.remove(vm);
  await signalbox.raiseAlert('ALERT.MANAGEMENT', 'look');
  await signalbox.action('VM.START', {}, () => undefined);
  const job = await signalbox.jobs.submit('deploy');
  await signalbox.jobs.complete(job);
  const told = new Set(
    (await cloud.journal()).map(({ event }) => event.traceparent?.split('-')[2]),
  );
  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ name }) => name)).toEqual([
    'create VirtualMachine',
    'remove VirtualMachine',
    'announce AlertEvent',
    'action VM.START',
    'announce AsyncJobEvent',
    'announce AsyncJobEvent',
  ]);
  expect(told).toEqual(new Set(spans.map((span) => span.spanContext().spanId)));
});

test('a refused transition, a failed handler and a failed publish set the status of their spans', async () => {
  const signalbox = await cloud.open({ bus });
  const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
  await expect(signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded')).rejects.toThrow();
  expect(await spanNamed('transition VirtualMachine')).toMatchObject({
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'error.type': 'EVENT_NOT_LAWFUL' },
    events: [{ name: 'exception' }],
  });

  await signalbox.subscribe(
    { category: 'AlertEvent' },
    () => {
      throw new DeadLetterError('not mine');
    },
    { pool: 'alerts' },
  );
  await signalbox.raiseAlert('ALERT.MANAGEMENT', 'look');
  expect(await spanNamed('handle memory')).toMatchObject({
    status: { code: SpanStatusCode.ERROR, message: 'not mine' },
    attributes: { 'error.type': 'DeadLetterError' },
  });

  const publish = bus.publish.bind(bus);
  let failures = 1;
  bus.publish = (message) =>
    failures-- > 0 ? Promise.reject(new TypeError('cut')) : publish(message);
  await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
  await eventually(() => {
    const tries = spansNamed('publish memory').filter(
      ({ attributes }) => attributes['signalbox.type'] === 'StartRequested',
    );
    expect(tries.map(({ status, attributes }) => [status.code, attributes['error.type']])).toEqual([
      [SpanStatusCode.ERROR, 'TypeError'],
      [SpanStatusCode.UNSET, undefined],
    ]);
  });
});

test('without a tracer provider no span is begun, and the trace goes on', async () => {
  trace.disable();
  const signalbox = await cloud.open({ bus });
  const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  await signalbox.subscribe({ category: 'AlertEvent' }, async () => {
    await signalbox.recordUsage('VM.START');
  });
  await context.with(trace.setSpanContext(context.active(), span), () =>
    signalbox.raiseAlert('ALERT.MANAGEMENT', 'look'),
  );
  await eventually(async () => {
    const traces = (await cloud.journal()).map(({ event }) => event.traceparent);
    const same = `00-${span.traceId}-${span.spanId}-01`;
    expect(traces).toEqual([same, same]);
  });
  expect(exporter.getFinishedSpans()).toEqual([]);
});

test('each reading of a watch, from its start on, has a span, also one that fails', async () => {
  const signalbox = await cloud.open({ bus });
  const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
  const failures: unknown[] = [];
  await using watch = await signalbox.watch(VirtualMachine, {
    reconcile: 10,
    onFailure: (error) => failures.push(error),
  });
  await watch.next();
  expect(await spanNamed('watch VirtualMachine')).toMatchObject({
    kind: SpanKind.INTERNAL,
    status: { code: SpanStatusCode.UNSET },
    attributes: { 'signalbox.resource': 'VirtualMachine' },
  });
  await cloud.dataSource.query('ALTER TABLE signalbox_journal RENAME TO gone');
  exporter.reset();
  // It ends with what no waiting mends.
  await expect(
    (async () => {
      for await (const _ of watch);
    })(),
  ).rejects.toMatchObject({ code: 'DATABASE_NOT_MIGRATED' });
  await cloud.dataSource.query('ALTER TABLE gone RENAME TO signalbox_journal');
  expect(spansNamed('watch VirtualMachine').at(-1)).toMatchObject({
    status: { code: SpanStatusCode.ERROR },
  });
  expect(uuid).toEqual(expect.any(String));
});
