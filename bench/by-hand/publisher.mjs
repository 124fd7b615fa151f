/**
 * Publishes messages on a confirm channel, so many unconfirmed at once, and resolves when the last is
 * confirmed.
 */
export async function publishAll(channel, exchange, messages, { window = 1_000 } = {}) {
  let next = 0;
  let confirmed = 0;
  await new Promise((resolve, reject) => {
    const fill = () => {
      while (next < messages.length && next - confirmed < window) {
        const { key, body, options } = messages[next];
        next += 1;
        channel.publish(exchange, key, body, options, (error) => {
          if (error) reject(error);
          confirmed += 1;
          if (confirmed === messages.length) resolve();
          else fill();
        });
      }
    };
    if (messages.length === 0) resolve();
    else fill();
  });
}

/** The message of an outbox row, as Signalbox's relay sends it. */
export function messageOf({ key, id, uuid, payload }) {
  return {
    key,
    body: Buffer.from(payload),
    options: {
      messageId: id,
      contentType: 'application/cloudevents+json; charset=utf-8',
      headers: { 'x-signalbox-partition-key': uuid },
      persistent: true,
      mandatory: true,
    },
  };
}
