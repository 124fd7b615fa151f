import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { createEvent } from '../../../src/core/events/create-event.js';

const common = {
  source: 'management-server',
  time: '2026-03-01T12:00:00.123Z',
  actor: 'alice',
  account: 'acme',
  correlationid: 'job-7',
} as const;

/** One valid event of each category, with every property that its schema names. */
export const sampleEvents: readonly SignalboxEvent[] = [
  createEvent({
    ...common,
    id: '019530c5-0a00-7000-8000-000000000001',
    category: 'ResourceStateEvent',
    type: 'StartRequested',
    resource: 'VirtualMachine',
    uuid: '9d827485-0f46-4db8-bd39-fede97cbac0c',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    revision: 7,
    data: {
      event: 'StartRequested',
      old: 'Stopped',
      new: 'Starting',
      lifecycleVersion: 1,
      changed: true,
      reason: 'requested by the user',
    },
  }),
  createEvent({
    ...common,
    id: '019530c5-0a00-7000-8000-000000000002',
    category: 'ActionEvent',
    type: 'VM.START',
    resource: 'VirtualMachine',
    uuid: '9d827485-0f46-4db8-bd39-fede97cbac0c',
    causationid: '019530c5-0a00-7000-8000-000000000001',
    data: {
      status: 'Failed',
      description: 'starting the VM',
      duration: 1234.5,
      startid: '019530c5-0a00-7000-8000-000000000000',
      error: { name: 'NoCapacity', message: 'no host has room', code: 'NO_CAPACITY' },
      details: { host: 'h-1' },
    },
  }),
  createEvent({
    ...common,
    id: '019530c5-0a00-7000-8000-000000000003',
    category: 'UsageEvent',
    type: 'VOLUME.CREATE',
    resource: 'Volume',
    uuid: '0a7ea29e-691b-11e2-bafa-2c3ba27d8c47',
    domain: 'root',
    project: 'blue',
    data: { details: { size: 1024, offering: 'gold' } },
  }),
  createEvent({
    ...common,
    id: '019530c5-0a00-7000-8000-000000000004',
    category: 'AlertEvent',
    type: 'ALERT.RESOURCE.STUCK',
    data: { subject: 'a volume is stuck', body: 'since noon', details: { state: 'Attaching' } },
  }),
  createEvent({
    ...common,
    id: '019530c5-0a00-7000-8000-000000000005',
    category: 'AsyncJobEvent',
    type: 'update',
    resource: 'VirtualMachine',
    data: {
      jobId: 'job-7',
      command: 'VM.START',
      status: 'IN_PROGRESS',
      progress: 40,
      result: { step: 'placing' },
      error: { name: 'Slow', message: 'retrying' },
    },
  }),
];
