import type { ChannelModel } from 'amqplib';

/**
 * amqplib only half-closes the socket of a connection that has ended: a peer that never answers would
 * keep it, and the process, alive. The stream is not in its types.
 */
export function cutSocket(model: ChannelModel): void {
  innards(model).stream?.destroy();
}

/** As when the socket breaks: what is under way fails, and the connection tells that it has closed. */
export function loseConnection(model: ChannelModel): void {
  const connection = innards(model);
  if (connection.onSocketError === undefined) cutSocket(model);
  else connection.onSocketError(new Error('the broker did not answer'));
}

/** Never rejects; does not settle while the broker is mute. */
export async function closeModel(model: ChannelModel): Promise<void> {
  try {
    await model.close();
  } catch {
    // It is closed already.
  }
}

function innards(model: ChannelModel): {
  readonly stream?: { destroy(): void };
  onSocketError?(error: Error): void;
} {
  return (model as unknown as { readonly connection: ReturnType<typeof innards> }).connection;
}
