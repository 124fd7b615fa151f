import type { FromSchema } from '../json/json-schema.js';
import type { Category } from './category.js';
import type { attributesSchema, dataSchemas } from './schemas.js';

/**
 * Attributes of every event, whatever its category. CloudEvents 1.0 attribute names: extensions are lower
 * case and alphanumeric because the standard demands it.
 */
export interface EventAttributes extends FromSchema<typeof attributesSchema> {}

/** The `data` of a category. */
export type EventData<C extends Category> = FromSchema<(typeof dataSchemas)[C]>;

/** A resource changed its state, was created (`old: null`) or removed (`new: null`). */
export interface ResourceStateEvent extends EventAttributes {
  readonly category: 'ResourceStateEvent';
  readonly data: EventData<'ResourceStateEvent'>;
}

/** An operation started, completed or failed. */
export interface ActionEvent extends EventAttributes {
  readonly category: 'ActionEvent';
  readonly data: EventData<'ActionEvent'>;
}

/** Something billable began, ended or changed. */
export interface UsageEvent extends EventAttributes {
  readonly category: 'UsageEvent';
  readonly data: EventData<'UsageEvent'>;
}

/** Somebody should look. */
export interface AlertEvent extends EventAttributes {
  readonly category: 'AlertEvent';
  readonly data: EventData<'AlertEvent'>;
}

/** A long-running job was submitted, made progress or completed. */
export interface AsyncJobEvent extends EventAttributes {
  readonly category: 'AsyncJobEvent';
  readonly type: AsyncJobEventType;
  readonly data: EventData<'AsyncJobEvent'>;
}

/** Types of an AsyncJobEvent. */
export type AsyncJobEventType = 'submit' | 'update' | 'complete';

/** Any event that Signalbox publishes; narrow it by `category`. */
export type SignalboxEvent =
  ResourceStateEvent | ActionEvent | UsageEvent | AlertEvent | AsyncJobEvent;

/** The events of a category, or of each category of a union. */
export type EventOfCategory<C extends Category> = Extract<SignalboxEvent, { category: C }>;
