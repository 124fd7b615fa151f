import {
  ConfigurationError,
  SignalboxError,
  UnavailableError,
  type ErrorParameters,
} from '../../core/errors/errors.js';

/** Kafka's own names of errors, by what they mean to a caller. */
const notPermitted = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
]);
const topicMissing = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION']);
const refusals = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'POLICY_VIOLATION',
  'TOPIC_AUTHORIZATION_FAILED',
]);

/** Error codes of brokers for a stale partition leader. */
const leaderMoved = new Set([
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
]);

/** Error codes of a coordinator for a member that must join again. */
const lostMembership = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/**
 * Why a call to the cluster failed, by what the caller must do. The message holds no password.
 *
 * @param what what was to be done, such as `join the pool billing`
 */
export function kafkaError(cause: unknown, what: string): SignalboxError {
  const own = ownError(cause);
  if (own !== undefined) return own;
  const { message, type, name } = describe(cause);
  const parameters: ErrorParameters = { what };
  if (name === 'KafkaJSSASLAuthenticationError' || notPermitted.has(type)) {
    return new ConfigurationError(
      'BUS_CREDENTIALS_REFUSED',
      `The Kafka cluster does not let this client ${what}: ${message}. Check the credentials and the ACLs.`,
      { parameters, cause },
    );
  }
  if (topicMissing.has(type)) {
    return new ConfigurationError(
      'TOPIC_MISSING',
      `Cannot ${what}: ${message}. Create the topic, or let the cluster create topics by itself.`,
      { parameters, cause },
    );
  }
  if (isTlsFault(cause)) {
    return new ConfigurationError(
      'BUS_TLS_FAILED',
      `The TLS handshake with the Kafka cluster failed: ${message}. Check the CA, the client certificate and the host name.`,
      { parameters, cause },
    );
  }
  return new UnavailableError('BUS_UNAVAILABLE', `Cannot ${what}: ${message}. Retry later.`, {
    parameters,
    cause,
  });
}

/** True when the cluster will never take this message, however often it is sent. */
export function isRefusal(error: unknown): boolean {
  return chain(error).some((each) => refusals.has(each.type));
}

/** True when another broker must be asked, or the same one a moment later. */
export function isMovedLeader(error: unknown): boolean {
  return chain(error).some(({ type }) => leaderMoved.has(type));
}

/** True when the client joins its group again because of this. */
export function isLostMembership(error: unknown): boolean {
  return chain(error).some(({ type }) => lostMembership.has(type));
}

/** True when a log no longer has, or does not have yet, the offset that was asked for. */
export function isOutOfRange(error: unknown): boolean {
  return chain(error).some(({ type }) => type === 'OFFSET_OUT_OF_RANGE');
}

/** True when the broker is too old, or a stand-in, to know a request at all. */
export function isUnknownRequest(error: unknown): boolean {
  return chain(error).some(({ name }) => name === 'KafkaJSServerDoesNotSupportApiKey');
}

/** The text of the error that is at the bottom of others. */
export function reasonOf(error: unknown): string {
  return describe(error).message;
}

interface Described {
  readonly name: string;
  readonly type: string;
  readonly message: string;
  readonly code: string;
}

function describe(error: unknown): Described {
  const all = chain(error);
  const told = all.find(({ type }) => type !== '') ?? all.at(-1);
  const named = all.find(({ name }) => name === 'KafkaJSSASLAuthenticationError') ?? told;
  return {
    name: named?.name ?? '',
    type: told?.type ?? '',
    message: (told?.message ?? String(error)).replace(/\.$/, ''),
    code: told?.code ?? '',
  };
}

/** Ours, such as that of a credentials provider, which the client has put within others. */
function ownError(error: unknown): SignalboxError | undefined {
  let each = error;
  for (let depth = 0; each instanceof Error && depth < 10; depth += 1) {
    if (each instanceof SignalboxError) return each;
    each = each.cause;
  }
  return undefined;
}

/** The error and what caused it, outermost first. */
function chain(error: unknown): readonly Described[] {
  const found: Described[] = [];
  for (let each = error; each instanceof Error && found.length < 10; each = each.cause) {
    found.push({
      name: each.name,
      type: 'type' in each && typeof each.type === 'string' ? each.type : '',
      message: each.message,
      code: 'code' in each && typeof each.code === 'string' ? each.code : '',
    });
  }
  return found;
}

function isTlsFault(error: unknown): boolean {
  return chain(error).some(
    ({ code, message }) =>
      /^(ERR_(TLS|SSL|OSSL)|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code) ||
      /certificate|\bTLS\b|\bSSL\b|altnames|secure TLS connection/i.test(message),
  );
}
