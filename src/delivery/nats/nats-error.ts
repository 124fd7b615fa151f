import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { ConfigurationError, SignalboxError, UnavailableError } from '../../core/errors/errors.js';

/** Why connecting failed, by what the caller must do. The message holds no password. */
export function connectError(cause: unknown, servers: readonly string[]): SignalboxError {
  if (cause instanceof SignalboxError) return cause;
  const host = servers.join(', ');
  const parameters = { host };
  const message = messageOf(cause);
  if (cause instanceof errors.AuthorizationError || /authorization|authentication/i.test(message)) {
    return new ConfigurationError(
      'BUS_CREDENTIALS_REFUSED',
      `NATS at ${host} refused the user, password or token. Check the configured credentials.`,
      { parameters, cause },
    );
  }
  if (/certificate|tls|ssl|self.signed/i.test(message)) {
    return new ConfigurationError(
      'BUS_TLS_FAILED',
      `The TLS handshake with ${host} failed: ${message}. Check the CA, the client certificate and the host name.`,
      { parameters, cause },
    );
  }
  return new UnavailableError(
    'BUS_UNAVAILABLE',
    `Cannot connect to NATS at ${host}: ${message}. Retry later.`,
    { parameters, cause },
  );
}

/** Why a request about a stream or a consumer failed. */
export function jetStreamError(cause: unknown, what: string): SignalboxError {
  if (cause instanceof SignalboxError) return cause;
  const parameters = { name: what };
  if (cause instanceof errors.PermissionViolationError) {
    return new ConfigurationError(
      'BUS_CREDENTIALS_REFUSED',
      `NATS does not permit this user to use ${what}: ${messageOf(cause)}. Grant the permission.`,
      { parameters, cause },
    );
  }
  if (cause instanceof JetStreamApiError && conflicts.has(cause.code)) {
    return new ConfigurationError(
      'TOPOLOGY_CONFLICT',
      `${what} exists with other settings: ${messageOf(cause)}. Delete it, rename yours, or adopt its settings.`,
      { parameters, cause },
    );
  }
  return new UnavailableError(
    'BUS_UNAVAILABLE',
    `NATS could not set up ${what}: ${messageOf(cause)}. Retry later.`,
    { parameters, cause },
  );
}

/** Stream name in use, subjects overlap, consumer name in use: each with another configuration. */
const conflicts: ReadonlySet<number> = new Set([10058, 10065, 10013, 10105, 10148]);

/** The message of an error, without a full stop. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/\.$/, '');
}
