import type { JsonSchema } from '../json/json-schema.js';
import { categories, type Category } from './category.js';
import { dataSchema } from './data-schema.js';

/** Types of an AsyncJobEvent. */
export const asyncJobEventTypes = ['submit', 'update', 'complete'] as const;

const errorSchema = {
  type: 'object',
  required: ['name', 'message'],
  properties: {
    /** The class of the error. */
    name: { type: 'string' },
    message: { type: 'string' },
    /** A stable, machine-readable code, when the error has one. */
    code: { type: 'string' },
  },
} as const satisfies JsonSchema;

/** The schemas of `data`, one for each category, as published under `dataSchema(category)`. */
export const dataSchemas = {
  ResourceStateEvent: {
    $id: dataSchema('ResourceStateEvent'),
    type: 'object',
    required: ['event', 'old', 'new', 'lifecycleVersion', 'changed'],
    properties: {
      /** The lifecycle event, such as `StartRequested`. */
      event: { type: 'string', minLength: 1 },
      /** The id of the deadline that passed, such as `Deploying/600000`; only with `DeadlineExceeded`. */
      deadline: { type: 'string', minLength: 1 },
      /** The state before; null when the resource was created. */
      old: { type: ['string', 'null'] },
      /** The state after; null when the resource was removed. */
      new: { type: ['string', 'null'] },
      lifecycleVersion: { type: 'integer', minimum: 1 },
      /** False for a lawful self-transition. */
      changed: { type: 'boolean' },
      /** The regions that moved, such as `power`; only where the states are of parallel regions. */
      regions: { type: 'array', items: { type: 'string', minLength: 1 } },
      /** Why, in the caller's words. */
      reason: { type: 'string' },
    },
  },
  ActionEvent: {
    $id: dataSchema('ActionEvent'),
    type: 'object',
    required: ['status'],
    properties: {
      status: { enum: ['Started', 'Completed', 'Failed'] },
      description: { type: 'string' },
      /** Milliseconds from Started; on Completed and Failed. */
      duration: { type: 'number', minimum: 0 },
      /** The id of the Started event; on Completed and Failed. */
      startid: { type: 'string', minLength: 1 },
      /** On Failed. */
      error: errorSchema,
      details: { type: 'object' },
    },
  },
  UsageEvent: {
    $id: dataSchema('UsageEvent'),
    type: 'object',
    properties: {
      /** The facts that billing needs: sizes, offerings, amounts. */
      details: { type: 'object' },
    },
  },
  AlertEvent: {
    $id: dataSchema('AlertEvent'),
    type: 'object',
    required: ['subject'],
    properties: {
      /** One line that says what is wrong. */
      subject: { type: 'string', minLength: 1 },
      body: { type: 'string' },
      details: { type: 'object' },
    },
  },
  AsyncJobEvent: {
    $id: dataSchema('AsyncJobEvent'),
    type: 'object',
    required: ['jobId', 'command', 'status'],
    properties: {
      jobId: { type: 'string', minLength: 1 },
      /** Command of the job, such as `VM.START`. */
      command: { type: 'string', minLength: 1 },
      status: { enum: ['IN_PROGRESS', 'SUCCEEDED', 'FAILED'] },
      /** 0 to 100. */
      progress: { type: 'number', minimum: 0, maximum: 100 },
      result: { type: 'object' },
      error: errorSchema,
    },
  },
} as const satisfies Record<Category, JsonSchema>;

/** The attributes of every event, whatever its category: CloudEvents 1.0 and its extensions. */
export const attributesSchema = {
  type: 'object',
  required: [
    'specversion',
    'id',
    'source',
    'type',
    'time',
    'datacontenttype',
    'dataschema',
    'category',
  ],
  properties: {
    specversion: { const: '1.0' },
    /** UUIDv7, stable over every redelivery. */
    id: { type: 'string', minLength: 1 },
    /** Publisher: the `source` of its Signalbox. */
    source: { type: 'string', minLength: 1 },
    /** The lifecycle event (`StartRequested`) or the event type (`VM.START`). */
    type: { type: 'string', minLength: 1 },
    /** `VirtualMachine/<uuid>`; absent when the event concerns no resource. */
    subject: { type: 'string', minLength: 1 },
    /** RFC 3339, a time of the calendar that a Date can hold; UTC with milliseconds as published. */
    time: {
      type: 'string',
      format: 'date-time',
      pattern:
        '^\\d{4}-\\d{2}-\\d{2}T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,30})?(Z|[+\\-]\\d{2}:\\d{2})$',
    },
    datacontenttype: { const: 'application/json' },
    /** Identifies the schema of `data`. */
    dataschema: { type: 'string', minLength: 1 },
    /** The resource's uuid: order is kept for it. */
    partitionkey: { type: 'string', minLength: 1 },
    /** W3C trace context of what caused the event. */
    traceparent: {
      type: 'string',
      pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$',
    },
    category: { enum: categories },
    /** Actor: a user, a service, a scheduler. */
    actor: { type: 'string', minLength: 1 },
    /** Links every event of one request or job. */
    correlationid: { type: 'string', minLength: 1 },
    /** The id of the event that caused this one. */
    causationid: { type: 'string', minLength: 1 },
    account: { type: 'string', minLength: 1 },
    domain: { type: 'string', minLength: 1 },
    project: { type: 'string', minLength: 1 },
    // Bounded by the 32 bits of a CloudEvents integer.
    /** The resource's revision after the transition; +1 for each, so that consumers see gaps. */
    revision: { type: 'integer', minimum: 0, maximum: 2147483647 },
  },
} as const satisfies JsonSchema;

/** The JSON Schema document of each category's whole event, envelope and `data`. */
export const eventSchemas: Readonly<Record<Category, JsonSchema>> = Object.fromEntries(
  categories.map((category) => [category, eventSchema(category)]),
) as Record<Category, JsonSchema>;

function eventSchema(category: Category): JsonSchema {
  const jobTypes = category === 'AsyncJobEvent' ? { type: { enum: asyncJobEventTypes } } : {};
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `https://signalbox.dev/schemas/events/${category}/1`,
    title: category,
    type: 'object',
    required: [...attributesSchema.required, 'data'],
    properties: {
      ...attributesSchema.properties,
      category: { const: category },
      ...jobTypes,
      data: dataSchemas[category],
    },
    // An extension is a single value; structured facts belong in `data`. Null counts as absent.
    additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
  };
}
