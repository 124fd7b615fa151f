import { SignalboxError } from '../../core/errors/errors.js';
import { isPublishRefused } from './publish-refused.js';

/**
 * Publishes the first of several forms of a message that the broker takes. Resolves with the error of the
 * last where it refuses all. Rejects when the broker is away.
 *
 * @param forms Best first. Each throws when there is no such form.
 */
export async function publishForms<Outgoing, Published>(
  publish: (outgoing: Outgoing) => Promise<Published>,
  forms: readonly (() => Outgoing | Promise<Outgoing>)[],
): Promise<Published | { readonly refused: Error }> {
  let refused = new Error('there is no form to publish it in');
  for (const form of forms) {
    try {
      return await publish(await form());
    } catch (error) {
      if (error instanceof SignalboxError && !isPublishRefused(error)) throw error;
      refused = error as Error;
    }
  }
  return { refused };
}
