import fc from 'fast-check';
import { categories, type Category } from '../../../src/core/events/category.js';
import { createEvent, type EventInput } from '../../../src/core/events/create-event.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).map((each) => {
  // A text in a header cannot end in the NUL that some transports forbid, nor hold half a pair.
  const kept = each.replaceAll(/[\p{Cc}\p{Cs}]/gu, '');
  return kept === '' ? 'x' : kept;
});
const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/);
const json = fc.jsonValue({ maxDepth: 3, stringUnit: 'grapheme' }).map((value) =>
  // JSON has no negative zero, and `__proto__` is refused before an event is written.
  JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')),
);
const details = fc.dictionary(word, json, { maxKeys: 3 }) as fc.Arbitrary<{ [key: string]: never }>;
const error = fc.record({ name: text, message: text }, { requiredKeys: ['name', 'message'] });

const data = {
  ResourceStateEvent: fc.record(
    {
      event: word,
      old: fc.option(word),
      new: fc.option(word),
      lifecycleVersion: fc.integer({ min: 1, max: 1000 }),
      changed: fc.boolean(),
      reason: text,
    },
    { requiredKeys: ['event', 'old', 'new', 'lifecycleVersion', 'changed'] },
  ),
  ActionEvent: fc.record(
    {
      status: fc.constantFrom('Started', 'Completed', 'Failed'),
      description: text,
      duration: fc.nat(),
      startid: word,
      error,
      details,
    },
    { requiredKeys: ['status'] },
  ),
  UsageEvent: fc.record({ details }, { requiredKeys: [] }),
  AlertEvent: fc.record({ subject: text, body: text, details }, { requiredKeys: ['subject'] }),
  AsyncJobEvent: fc.record(
    {
      jobId: word,
      command: word,
      status: fc.constantFrom('IN_PROGRESS', 'SUCCEEDED', 'FAILED'),
      progress: fc.integer({ min: 0, max: 100 }),
      result: details,
      error,
    },
    { requiredKeys: ['jobId', 'command', 'status'] },
  ),
} as const satisfies Record<Category, fc.Arbitrary<unknown>>;

const dotted = fc.array(fc.stringMatching(/^[A-Z]{1,8}$/), { minLength: 1, maxLength: 3 });

function typeOf(category: Category, event: string | undefined): fc.Arbitrary<string> {
  if (category === 'ResourceStateEvent') return fc.constant(event ?? 'Created');
  if (category === 'AsyncJobEvent') return fc.constantFrom('submit', 'update', 'complete');
  return dotted.map((words) => words.join('.'));
}

/** Those that CloudStack and OpenStack have names for as often as others. */
const resource = fc.oneof(word, fc.constantFrom('VirtualMachine', 'Volume', 'Snapshot', 'Network'));

/** Any valid event of a category. */
function eventOf(category: Category): fc.Arbitrary<SignalboxEvent> {
  const about = fc.oneof(
    fc.constant({}),
    fc.record({ resource }),
    fc.record({ resource, uuid: fc.uuid() }),
  );
  const time = fc
    .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString());
  const optional = fc.record(
    {
      actor: text,
      correlationid: text,
      causationid: fc.uuid(),
      account: text,
      domain: text,
      project: text,
      revision: fc.nat({ max: 2147483647 }),
      traceparent: fc.constant('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
    },
    { requiredKeys: [] },
  );
  return fc
    .tuple(fc.uuid(), word, time, about, optional, data[category])
    .chain(([id, source, at, subject, attributes, content]) =>
      typeOf(category, 'event' in content ? content.event : undefined).map((type) =>
        createEvent({
          ...attributes,
          ...subject,
          id,
          source,
          time: at,
          category,
          type,
          data: JSON.parse(JSON.stringify(content)),
        } as EventInput<Category>),
      ),
    );
}

/** Any valid event whose attributes hold no control characters. */
export const randomEvent: fc.Arbitrary<SignalboxEvent> = fc.oneof(...categories.map(eventOf));
