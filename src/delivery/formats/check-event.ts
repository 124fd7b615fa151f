import type { SignalboxEvent } from '../../core/events/event.js';

/** Loaded by the first message to decode: most processes only publish. */
let validator: Promise<typeof import('../../core/events/validate-event.js')> | undefined;

/** Resolves with `value` as the event it is. Rejects with RefusedError EVENT_INVALID. */
export async function checkEvent(value: unknown): Promise<SignalboxEvent> {
  const { validateEvent } = await (validator ??= import('../../core/events/validate-event.js'));
  return validateEvent(value);
}
