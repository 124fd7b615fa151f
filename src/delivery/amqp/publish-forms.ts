import { SignalboxError } from '../../core/errors/errors.js';
import type { Published } from '../bus/bus.js';
import { isPublishRefused } from '../bus/publish-refused.js';
import type { OutgoingMessage } from './wire.js';

/**
 * Publishes the first of several forms of a message that the broker takes. Resolves with the error of the
 * last where it refuses all. Rejects when the broker is away.
 *
 * @param forms Each throws when there is no such form.
 */
export async function publishForms(
  publish: (outgoing: OutgoingMessage) => Promise<Published>,
  forms: readonly (() => OutgoingMessage)[],
): Promise<Published | { readonly refused: Error }> {
  let refused = new Error('there is no form to publish it in');
  for (const form of forms) {
    try {
      return await publish(form());
    } catch (error) {
      if (error instanceof SignalboxError && !isPublishRefused(error)) throw error;
      refused = error as Error;
    }
  }
  return { refused };
}
