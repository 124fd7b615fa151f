/**
 * How events look on a bus: CloudEvents, CloudStack's and OpenStack's formats, and your own.
 *
 * @module
 */
export { cloudEvents } from './cloudevents.js';
export { cloudEventsBinary } from './cloudevents-binary.js';
export type { Transport } from './cloudevents-binary.js';
export { cloudStack } from './cloudstack/cloudstack.js';
export { defineFormats, formats } from './formats.js';
export type { FormatName, Formats } from './formats.js';
export type { EncodedEvent, EnvelopeHead, Format, ReceivedEvent } from './format.js';
export {
  encryptedFields,
  redactedFields,
  redactEvent,
  type FieldKey,
} from './protection/private-fields.js';
export { signedEvents, type SignedEventsOptions } from './protection/signed-events.js';
export type { SigningKey } from './protection/signing-keys.js';
export { oslo } from './oslo/oslo.js';
export type { OsloFormatOptions } from './oslo/oslo.js';
export { attributesSchema, dataSchemas, eventSchemas } from '../../core/events/schemas.js';
export type { AsyncJobEventType, EventData, EventOfCategory } from '../../core/events/event.js';
export type { FromSchema, JsonSchema } from '../../core/json/json-schema.js';
