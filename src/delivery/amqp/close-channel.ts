import type { Channel } from 'amqplib';

/** Closes a channel. Never rejects, also where the channel is closed already; does not settle while the broker is mute. */
export async function closeChannel(channel: Channel): Promise<void> {
  try {
    await channel.close();
  } catch {
    // It is closed already.
  }
}
