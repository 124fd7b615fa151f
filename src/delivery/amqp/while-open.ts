import type { ChannelModel } from 'amqplib';
import { inTime } from '../kit/in-time.js';

/** Milliseconds that a broker may take to answer a call. */
export const answerPatience = 10_000;

/**
 * Settles as `work`, and rejects when the connection ends before it, or the broker does not answer in 10 s:
 * amqplib leaves calls under way without an answer when a connection is lost while a channel is being
 * opened, and a connection may be mute for longer than its heartbeat tells. Who waits would wait for ever.
 */
export async function whileOpen<T>(
  model: ChannelModel,
  work: Promise<T>,
  patience = answerPatience,
): Promise<T> {
  let close: (() => void) | undefined;
  const closed = new Promise<never>((_, reject) => {
    close = () => reject(new Error('the connection closed'));
    model.once('close', close);
  });
  try {
    return await inTime(Promise.race([work, closed]), patience, () => {
      return new Error(`the broker did not answer within ${patience} ms`);
    });
  } finally {
    if (close !== undefined) model.off('close', close);
    // It may still fail, and nobody waits for it any more.
    work.catch(() => undefined);
  }
}
