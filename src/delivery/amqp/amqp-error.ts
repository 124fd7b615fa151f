import {
  ConfigurationError,
  SignalboxError,
  UnavailableError,
  type ErrorParameters,
} from '../../core/errors/errors.js';
import type { RabbitmqHost } from './options.js';

/** Why connecting to a host failed, by what the caller must do. The message holds no password. */
export function connectError(cause: unknown, host: RabbitmqHost): SignalboxError {
  if (cause instanceof SignalboxError) return cause;
  const { message, code } = describe(cause);
  const parameters: ErrorParameters = { host: host.label };
  if (host.secure && isTlsFault(code, message)) {
    return new ConfigurationError(
      'BUS_TLS_FAILED',
      `The TLS handshake with ${host.label} failed: ${message}. Check the CA, the client certificate and the host name.`,
      { parameters, cause },
    );
  }
  // Without the virtual host's close frame amqplib tells only that the expected answer did not come.
  const vhostRefused = message.includes('Expected ConnectionOpenOk');
  if (/\b403\b|ACCESS.REFUSED/.test(message) || vhostRefused) {
    const what = vhostRefused ? 'the virtual host' : 'the user or password';
    return new ConfigurationError(
      'BUS_CREDENTIALS_REFUSED',
      `The broker refused ${what} of ${host.label}. Check the configured credentials.`,
      { parameters, cause },
    );
  }
  return new UnavailableError(
    'BUS_UNAVAILABLE',
    `Cannot connect to ${host.label}: ${message}. Retry later.`,
    { parameters, cause },
  );
}

/** Why the broker would not declare, bind or consume. */
export function topologyError(cause: unknown, what: string): SignalboxError {
  if (cause instanceof SignalboxError) return cause;
  const { message, replyCode } = describe(cause);
  const parameters: ErrorParameters = { name: what };
  if (replyCode === 406) {
    return new ConfigurationError(
      'TOPOLOGY_CONFLICT',
      `${what} exists with other settings: ${message}. Delete it, rename yours, or adopt its settings.`,
      { parameters, cause },
    );
  }
  if (replyCode === 403) {
    return new ConfigurationError(
      'BUS_CREDENTIALS_REFUSED',
      `The broker does not permit this user to declare or use ${what}: ${message}. Grant the permission.`,
      { parameters, cause },
    );
  }
  if (replyCode === 404) {
    return new UnavailableError(
      'TOPOLOGY_MISSING',
      `The broker does not have what ${what} needs: ${message}. Start its owner, correct the name, or give its owner's settings, so that it is declared.`,
      { parameters, cause },
    );
  }
  return new UnavailableError(
    'BUS_UNAVAILABLE',
    `The broker could not set up ${what}: ${message}. Retry later.`,
    { parameters, cause },
  );
}

/** The AMQP reply code that closed a channel, such as 404; undefined for anything else. */
export function replyCodeOf(error: unknown): number | undefined {
  return describe(error).replyCode;
}

function describe(error: unknown): {
  readonly message: string;
  readonly code: string;
  readonly replyCode: number | undefined;
} {
  if (!(error instanceof Error)) return { message: String(error), code: '', replyCode: undefined };
  const code: unknown = 'code' in error ? error.code : undefined;
  // A name that resolves to several addresses fails with one error for each.
  const message =
    error.message || (error instanceof AggregateError ? String(error.errors[0]) : String(code));
  return {
    message: message.replace(/\.$/, ''),
    code: typeof code === 'string' ? code : '',
    replyCode: typeof code === 'number' ? code : undefined,
  };
}

const certificateFaults = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'EPROTO',
  'HOSTNAME_MISMATCH',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function isTlsFault(code: string, message: string): boolean {
  return (
    certificateFaults.has(code) ||
    /^ERR_(TLS|SSL|OSSL)/.test(code) ||
    message.includes('secure TLS connection was established')
  );
}
