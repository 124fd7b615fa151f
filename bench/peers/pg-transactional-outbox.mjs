/**
 * The outbox by polling: its logical replication needs a server with `wal_level = logical`. Messages of
 * one resource in order, others at the same time.
 */
export async function transactionalOutbox({ transactionalOutbox: library }, options) {
  const { url, handle, admin } = options;
  const [role] = (await admin.query('SELECT current_user AS name')).rows;
  const database = new URL(url).pathname.slice(1);
  const config = {
    outboxOrInbox: 'outbox',
    dbListenerConfig: { connectionString: url },
    settings: {
      dbSchema: 'public',
      dbTable: 'outbox',
      enableMaxAttemptsProtection: false,
      enablePoisonousMessageProtection: false,
      nextMessagesFunctionName: 'next_outbox_messages',
      nextMessagesBatchSize: 100,
      nextMessagesPollingIntervalInMs: 50,
    },
  };
  await admin.query(
    library.DatabaseSetupExporter.createPollingScript(
      {
        outboxOrInbox: 'outbox',
        database,
        schema: 'public',
        table: 'outbox',
        listenerRole: role.name,
        nextMessagesName: 'next_outbox_messages',
      },
      true,
    ),
  );
  const logger = library.getDisabledLogger();
  const store = library.initializeMessageStorage(config, logger);
  const [shutdown] = library.initializePollingMessageListener(
    config,
    { handle: async ({ payload }) => handle(payload) },
    logger,
  );
  return {
    name: 'pg-transactional-outbox 0.5.7, polling',
    enqueue: (client, { eventId, id, payload }) =>
      store(
        {
          id: eventId,
          aggregateType: 'Lamp',
          aggregateId: id,
          messageType: 'ResourceStateEvent',
          segment: id,
          payload: JSON.parse(payload),
        },
        client,
      ),
    close: shutdown,
  };
}
