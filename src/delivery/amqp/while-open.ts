import type { ChannelModel } from 'amqplib';

/**
 * Settles as `work`, and rejects when the connection ends before it: amqplib leaves calls under way
 * without an answer when a connection is lost while a channel is being opened, and whoever waits for
 * them would wait for ever.
 */
export async function whileOpen<T>(model: ChannelModel, work: Promise<T>): Promise<T> {
  let close: (() => void) | undefined;
  const closed = new Promise<never>((_, reject) => {
    close = () => reject(new Error('the connection closed'));
    model.once('close', close);
  });
  try {
    return await Promise.race([work, closed]);
  } finally {
    if (close !== undefined) model.off('close', close);
    // It may still fail, and nobody waits for it any more.
    work.catch(() => undefined);
  }
}
