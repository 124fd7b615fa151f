/**
 * Every error class with what its caller must do, and every code that it can carry with what it means.
 * A code belongs to exactly one class, so the class alone says what to do; the constructors take no other
 * code. `docs/errors.md` is generated from this table; a test holds both together with every place that
 * makes an error.
 */
export const errorClasses = {
  RefusedError: {
    title: 'Refused',
    remedy:
      'Do something else: the request is not lawful, or its values are not. Nothing was written. The same request may become lawful after another transition.',
    retryable: false,
    httpStatus: 422,
    codes: {
      EVENT_NOT_LAWFUL:
        'The resource is in a state that does not take this event. The refusal lists the events that are lawful now.',
      GUARD_REFUSED:
        'The state takes this event, but every guard on it said no. The refusal names the guards.',
      UNKNOWN_EVENT:
        'The lifecycle declares no such event. Check the spelling; the refusal lists the events.',
      UNKNOWN_RESOURCE: 'No row with this uuid. Check the uuid, or create the resource first.',
      REVISION_EXHAUSTED:
        'The resource is at the last revision that an event can carry, 2147483647. Create it anew under another uuid.',
      UNKNOWN_INITIAL_STATE:
        'A resource cannot be created in this state. The refusal lists the states it can be created in.',
      MALFORMED_UUID: 'The text is not a uuid. Pass 8-4-4-4-12 hexadecimal digits.',
      STATE_WRITTEN_DIRECTLY:
        'A save changed the state without a transition. Call signalbox.send(entity, event) before saving.',
      WRITE_BYPASSES_LIFECYCLE:
        'A bulk update, upsert or query-builder write touches the state, revision or lifecycle columns. Use transition(), or send() and save().',
      CONSTRAINT_VIOLATED:
        'A unique, check, foreign-key or not-null constraint of your table, or a trigger that raises, refused the row. Nothing was written. The parameters name kind, constraint, table and column where the driver tells them. Change the values.',
      VALUE_REFUSED:
        'A value does not fit its column: the text is too long, a number out of range or not finite, a character the database cannot store (NUL), or the wrong type. Nothing was written. Change the value.',
      PAYLOAD_TOO_LARGE:
        'The event is larger than the limit. Store the bulk elsewhere and announce a reference to it.',
      PAYLOAD_NOT_JSON:
        'The event data is not plain JSON (undefined, a function, NaN, a cycle, a bigint). Pass plain JSON values.',
      ROUTING_KEY_TOO_LONG:
        'The routing key exceeds 255 bytes, the AMQP limit. Shorten the source, the event type or the resource name.',
      UNKNOWN_EVENT_TYPE:
        'The event type is not declared. Declare it in createSignalbox({ eventTypes }), or correct the spelling.',
      EVENT_INVALID:
        'The event does not satisfy the schema of its category. The refusal names the property.',
      SIGNATURE_REFUSED:
        'A message is not signed, or not by a known key, not over its content, or too long ago. It is dead-lettered with the reason; `signalbox replay` signs what the journal has anew.',
      FILTER_INVALID:
        'The subscription filter or topic pattern cannot match any event. Patterns are five dot-separated words, * or #.',
      ENDPOINT_EXISTS: 'The owner has an endpoint at this address. Change it, or delete it first.',
      ENDPOINT_INVALID:
        'An endpoint cannot be made or changed so: its address, channel or settings do not fit. The message names the part.',
      ENDPOINT_UNKNOWN:
        'The notification service has no endpoint of this id, or none that the caller may see.',
      ADDRESS_FORBIDDEN:
        'The notification service does not connect to this address: it is private, or of this machine. Give a public one, or allow it in the configuration of the service.',
      RETRY_POLICY_INVALID:
        'A retry policy is neither `standard-webhooks`, nor a list of delays, nor one with the phases of SNS that fit together.',
      NOTIFICATION_INVALID:
        'The notification has an unknown priority, or no publisher, event type or id. The refusal names the property.',
      UNKNOWN_OUTBOX_ROW:
        'No parked outbox row has this position. List them with `signalbox outbox list`.',
      OPTION_UNKNOWN:
        'A call was given an option that does not exist. The message names the nearest one that does.',
      OPTION_INVALID:
        'An option of a call has the wrong type or is out of range. The message names the option and what it takes.',
      POOL_UNKNOWN:
        'The bus has no pool of this name. Check the spelling, or subscribe a member first: that makes the pool.',
      UNKNOWN_METHOD:
        'The service exposes no such method. The refusal names the nearest one that it does.',
      ARGUMENTS_INVALID:
        'The arguments of a call do not satisfy the schema of the method. The refusal names the property. Nothing was executed.',
      UNKNOWN_BUS:
        'No bus of this name is registered, and no row waits for one. See `signalbox buses list`.',
      UNKNOWN_APPLICATION:
        'No application of this name has used the database, or several have and none is named. The refusal lists them: pass --application.',
      DEADLINE_WITHOUT_RESOURCE:
        'A deadline passed, and no row is found that it is of: deleted past Signalbox, hidden by a row policy, or of another application that wrote here before it had a name of its own. The deadline is kept and looked at again every hour; `signalbox deadlines list --missing` shows them.',
      UNKNOWN_JOB: 'No asynchronous job with this id was submitted, or it has already completed.',
      PUBLISH_REFUSED:
        'The broker refused this message for good (too large, not permitted). Change the message or the permission, then retry or drop it.',
    },
  },
  ConflictError: {
    title: 'Conflict',
    remedy:
      'Read again, decide again, retry at once: somebody else came first. Nothing was written.',
    retryable: true,
    httpStatus: 409,
    codes: {
      REVISION_CONFLICT:
        'The resource is at another revision than expected. Read it again, decide again, retry.',
      LOCK_CONFLICT:
        'The database ended a deadlock or a serialization conflict by rolling this transaction back, or another transaction held a lock for longer than the lock timeout. Nothing was written; run the transaction again.',
      TRANSACTION_LOST:
        'A save, a removal or a statement failed halfway in a transaction and its caller went on, a sent step was saved by nobody, or the database had already rolled the transaction back. Nothing is committed. Run the whole transaction again; let errors pass, or use a savepoint, and save what was sent.',
      DEADLINE_STALE: 'The deadline was cancelled or re-armed by a later transition.',
    },
  },
  UnavailableError: {
    title: 'Unavailable',
    remedy:
      'Wait, then retry the same request: a database, a broker or a service is away or overloaded. Nothing was committed.',
    retryable: true,
    httpStatus: 503,
    codes: {
      DATABASE_UNAVAILABLE:
        'The database cannot be reached or dropped the connection. Nothing was committed; retry later.',
      DATABASE_STARVED:
        'Background work (the relay, the deadlines, a watch) waits for a connection or an answer of the database. It goes on when it gets one: raise `poolSize`, or the pool of the pooler, or end transactions sooner.',
      DATABASE_OVERLOADED:
        'The database has no room or time for the statement: a full disk, no memory, an I/O error, a statement timeout. Nothing was written; retry later, and tell its operator.',
      DATABASE_READ_ONLY:
        'The database takes no writes: a replica, or a failover under way. Nothing was written; retry later, or give the address of the primary.',
      BUS_UNAVAILABLE:
        'The broker cannot be reached or is blocked. Events stay in the outbox; retry later.',
      NOTIFICATION_NOT_DELIVERED:
        'Some drivers of a notifier did not get a notification through; the others have it. Send it again under the same messageId, or let it go.',
      SERVICE_UNAVAILABLE:
        'No server of the service is there. Nothing was executed; retry later, or start a server.',
      CALL_TIMEOUT:
        'No answer to a call came within its timeout. The method was not begun and will not be, or is idempotent: retry later.',
      TOPOLOGY_MISSING:
        'An exchange or queue of somebody else is not there, or not yet. Start its owner, correct the name, or give its settings so that it is declared.',
      REPLAY_INTERRUPTED:
        'Database or bus failed in the midst of a replay. Mend the cause, and go on behind the position that the error tells.',
    },
  },
  OutcomeUnknownError: {
    title: 'Outcome unknown',
    remedy: 'Read the resource first, then decide: it may or may not have happened.',
    retryable: false,
    httpStatus: 504,
    codes: {
      OUTCOME_UNKNOWN:
        'The connection broke while the commit was under way, or the server of a call died or ran out of time after it had begun; it may or may not have happened. Read the resource before retrying.',
      ACTION_NOT_ANNOUNCED:
        'The operation of an action ran to its end, and its Completed event could not be written: the database is away. Do not run the operation again: `error.result` has its result. Signalbox goes on trying to write the event while the process lives.',
    },
  },
  ClosedError: {
    title: 'Closed',
    remedy: 'Create a new one: this object was closed, in this process. Nothing was done.',
    retryable: false,
    httpStatus: 503,
    codes: {
      CLOSED:
        'The Signalbox, bus, subscription or manager is closed, and nothing was done. Create a new one, or ask another process.',
      DATASOURCE_CLOSED:
        'The DataSource of the Signalbox was destroyed, and nothing was done. Initialize it again, or close the Signalbox and create one on another DataSource.',
    },
  },
  MethodFailedError: {
    title: 'Service fault',
    remedy: 'Look into the log of the service: it has a fault, and may have done a part.',
    retryable: false,
    httpStatus: 502,
    codes: {
      METHOD_FAILED:
        'The method of a service threw an error that is not typed: a fault of the service. Its own log tells more under the id of the request.',
    },
  },
  DefinitionError: {
    title: 'Definition',
    remedy: 'Fix the code: a lifecycle breaks rules. Every fault is listed on the error.',
    retryable: false,
    httpStatus: 500,
    codes: {
      LIFECYCLE_INVALID:
        'The lifecycle declaration breaks one or more rules; every fault is listed on the error.',
      FAULT_NO_MACHINE:
        'The definition has an option that does not exist, or its machine is not what setup({ … }).createMachine() of XState returned.',
      FAULT_ASSIGN:
        'The machine uses assign(). A lifecycle never mutates its context: it is projected from the entity.',
      FAULT_UNKNOWN_ACTION:
        'An action is not one of the effects usage, alert, action. Side effects belong in subscribers.',
      FAULT_EFFECT_PARAMS:
        'An effect has no static params with a type. Effects are data, never functions.',
      FAULT_INLINE_GUARD:
        'A guard is an inline function, has no implementation, or has params that are no plain JSON. Name it in setup({ guards }).',
      FAULT_UNKNOWN_TARGET: 'A transition targets a state that does not exist.',
      FAULT_UNKNOWN_INITIAL: 'An initial state is not a state of the machine.',
      FAULT_TRANSITIONAL_NO_FAILURE_EXIT:
        'A transitional state has no exit for failure. Add one, so that work that fails is not stuck.',
      FAULT_TRANSITIONAL_NO_DEADLINE:
        'A transitional state has no deadline. Add an after delay, so that a lost worker is noticed.',
      FAULT_UNSUPPORTED:
        'The machine uses an XState feature that a durable lifecycle cannot keep (invoke, history, spawn, dynamic delays).',
      FAULT_NAME:
        'A resource, state, event or effect name is empty, reserved or too long for a routing key.',
      FAULT_TOO_MANY_STATES:
        'The parallel regions multiply to more configurations than can be compiled. Split the lifecycle.',
      FAULT_VERSION:
        'The version of the lifecycle is not a whole number from 1. Raise it by one whenever the machine changes.',
    },
  },
  ConfigurationError: {
    title: 'Set-up',
    remedy: 'Fix the set-up and start again: an option, credentials, a driver, a migration.',
    retryable: false,
    httpStatus: 500,
    codes: {
      LISTEN_UNSAFE:
        'The notification service would listen beyond this machine without tokens, or in plain text. Create a token and give a certificate, or pass --insecure-plaintext behind a proxy that ends TLS.',
      GUARD_INEFFECTIVE:
        'The notification service found that its guard against forbidden addresses has no effect on this runtime, and does not start. Run it on Node.js.',
      BUS_REGISTERED_OTHERWISE:
        'Another process of the same application publishes to another place under the same bus name. Give each product an `application` (or `source`) of its own, or each bus a name; after a bus has moved, run `signalbox buses forget`.',
      DEADLINE_OF_NEWER_VERSION:
        'A deadline was armed by a newer version of the lifecycle than the one that runs here. Its processes fire it; after going back to the old version, cancel it with `signalbox deadlines cancel`.',
      CONFIG_KEY_UNKNOWN:
        'The configuration has a key that does not exist. The message names the nearest one that does.',
      CONFIG_VALUE_INVALID: 'A configuration value has the wrong type or is out of range.',
      CONFIG_FILE_INVALID: 'The configuration file cannot be read or does not export an object.',
      DATABASE_UNSUPPORTED:
        'The DataSource is of a type that Signalbox does not support. Use postgres, mysql, mariadb or better-sqlite3.',
      TABLE_NOT_TRANSACTIONAL:
        'A table of a resource or of Signalbox is of an engine without transactions (MyISAM, Aria, MEMORY, CSV). Alter it to InnoDB.',
      GALERA_USE_MISSING:
        'The server is a node of a Galera cluster. Say in the option `galera` whether clients write to one node at a time or to several.',
      DATABASE_NOT_MIGRATED:
        'The signalbox tables are missing or old. Add the exported migrations to your DataSource and run `migrate(dataSource)` (or its `runMigrations()`), or run `signalbox migrate`: one of the two.',
      DATABASE_MIGRATED_OTHERWISE:
        'The signalbox tables were made by the other of the two ways, `signalbox migrate` and the migrations of your DataSource, which keep different lists. Go on with the way the message names.',
      DATABASE_CREDENTIALS_REFUSED:
        'The database refused the user or password, or the user lacks a privilege that the statement needs. Check the configured credentials and grants.',
      DATABASE_ERROR:
        'The database refused the statement for a reason other than its values: a trigger or row policy kept the row as it was, SQL that this server does not take, a corrupt file. Nothing was written. The cause carries its own error; mend the database or the set-up.',
      BUS_CREDENTIALS_REFUSED:
        'The broker refused the user, password or virtual host. Check the configured credentials.',
      BUS_TLS_FAILED:
        'The TLS handshake with the broker failed. Check the CA, the client certificate and the host name.',
      TOPIC_MISSING:
        'A Kafka topic does not exist, and the cluster does not create topics by itself. Create it; docs/kafka.md names the topics.',
      TOPOLOGY_CONFLICT:
        'An exchange or queue exists with other settings. Delete it, rename yours, or adopt its settings.',
      BUS_CANNOT:
        'The transport, or the broker behind it, cannot do this. Ask bus.capabilities first; docs/buses.md compares the adapters.',
      TRANSACTION_WAITS_FOR_ITSELF:
        'A call that commits by itself was made inside a transaction, which it would wait for. Pass { manager } to make it a part of that transaction, or call it afterwards.',
      TRANSACTION_MISSING:
        'The given manager has no transaction open. Pass the manager that dataSource.transaction() hands to its callback.',
      RESOURCE_NOT_REGISTERED:
        'This entity class is not registered. List it in createSignalbox({ resources }).',
      RESOURCE_MAPPING_INVALID:
        'An entity class cannot be a resource as it is declared, or two resources share a name or table. Every fault is listed on the error, with a MAPPING code each.',
      MAPPING_COLUMN_MISSING:
        'The entity class has no column property for a role, or one of its child classes has it. Add the column, or name it in resourceColumns or mapResource({ columns }).',
      MAPPING_REGIONS:
        'The state is mapped to several columns, and these are not one for each region of a parallel machine. Map each region to a column of its own, or the whole state to one.',
      MAPPING_COLUMN_EMBEDDED:
        'A mapped column is in an embedded object. Map a column of the entity class itself.',
      MAPPING_COLUMN_TYPE:
        'A mapped column has a type that its role cannot use: a uuid is of type uuid or text, a state text or an enum, a revision an integer of at least 32 bits, stateSince text, a timestamp or a bigint.',
      MAPPING_COLUMN_LENGTH:
        'A mapped column is too narrow: for 36 characters of a uuid, or for the longest state of the lifecycle. Widen it.',
      MAPPING_COLUMN_NULLABLE:
        'The uuid, state or revision is nullable. Declare it not nullable, and fill the rows by a migration.',
      MAPPING_COLUMN_NOT_WRITTEN:
        'A mapped column is generated, or declared with insert: false or update: false, so that a transition would be lost. Declare it as a plain column.',
      MAPPING_COLUMN_NOT_READ:
        'A mapped column has select: false, so that entities lack it. Remove that.',
      MAPPING_COLUMN_AUTOMATIC:
        'A mapped column is written by TypeORM itself (a version, a date, a discriminator). Declare it with @Column.',
      MAPPING_COLUMN_PRIMARY:
        'The state, revision or another column that a transition changes is part of the primary key. Take it out of the key.',
      MAPPING_COLUMN_TRANSFORMER:
        'A transformer of a mapped column does not give back what was written. Remove it, or mend it.',
      MAPPING_ENUM_INCOMPLETE:
        'The enum of the state column lacks states of the lifecycle. Add them, and migrate the type.',
      MAPPING_UUID_NOT_UNIQUE:
        'The uuid column is neither the whole primary key nor unique, so that one event would move several rows. Declare it unique: true, with its constraint.',
      MAPPING_NOT_A_TABLE:
        'The entity is a view, a child of a table inheritance, or no entity of the DataSource. Map the table, the parent, or add the class to the entities.',
      MAPPING_NAME_QUOTED:
        'A table or column name has quotes, which TypeORM would not escape. Rename it.',
      MAPPING_LIFECYCLE_MISSING:
        'An entity class has no static lifecycle. Add one, or use mapResource().',
      MAPPING_CONTEXT_MISSING:
        'A guard reads a context that the entity class does not project. Add `static context` to the class, or `context` to mapResource().',
      MAPPING_CONTEXT_NEEDS:
        'The contextNeeds of a class name a relation or column that the entity does not have, or that is lazy. Correct the name.',
      EFFECT_TYPE_UNKNOWN:
        'A lifecycle announces an event type that is not declared. Declare it in createSignalbox({ eventTypes }): your own by defineEventTypes, those of CloudStack by cloudStackEventTypes.',
      CONTEXT_NOT_LOADED:
        'A context projection read a relation or a column that was not loaded, and undefined is not the same as absent. Declare it in contextNeeds, or read the entity with it before send().',
      CONTEXT_INVALID:
        'A context projection returned a promise or nothing. Return the object that the guards read.',
      ROW_INCOMPLETE:
        'The state or the revision of a row is NULL: something wrote past Signalbox. Set the column of that row, and declare it NOT NULL.',
      ENTITY_HIDDEN:
        'A row is there, but TypeORM returns no entity for it, so its guards cannot be asked: a discriminator value that no class has, or an afterLoad hook that changes the uuid.',
      UNKNOWN_STATE:
        'This version of the lifecycle has no such state. Where a row holds it, migrate the row or deploy the right version; else correct the spelling.',
      DRIVER_MISSING:
        'An optional driver package is not installed, or its native binding is missing or of another Node.js. Install or rebuild the package that the message names.',
      ARGUMENT_INVALID:
        'An argument, of the command line or of a call, is missing or malformed, or names what does not exist.',
    },
  },
} as const;

/** The name of an error class. */
export type ErrorClass = keyof typeof errorClasses;

/** The codes of one class. */
export type CodeOf<Class extends ErrorClass> = {
  [Each in ErrorClass]: keyof (typeof errorClasses)[Each]['codes'] & string;
}[Class];

/** A stable, machine-readable error code. */
export type ErrorCode = CodeOf<ErrorClass>;

/** Every code that an error or a refusal can carry, with what it means and what to do. */
export const errorCodes = Object.fromEntries(
  Object.values(errorClasses).flatMap(({ codes }) => Object.entries<string>(codes)),
) as Readonly<Record<ErrorCode, string>>;
