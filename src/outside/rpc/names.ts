import { matching } from '../../core/options/fields.js';
import { ConfigurationError } from '../../core/errors/errors.js';

/** The routing keys and pools of services that share a root. */
export interface RpcNames {
  /** Where requests to a service go; its pool is bound to it. */
  requestKey(service: string): string;
  /** Where messages to every server of a service go: unrouted when none is there. */
  controlKey(service: string): string;
  /** The pool that the servers of a service are members of. */
  pool(service: string): string;
  /** An address for answers. */
  inboxKey(id: string): string;
  /** Whether a key that a peer names is an address: to no other key is an answer sent. */
  isInbox(key: string): boolean;
}

/** Pure. Throws ConfigurationError CONFIG_VALUE_INVALID for a root that is no routing key's beginning. */
export function rpcNames(root: string): RpcNames {
  assertRoot(root);
  const inbox = new RegExp(`^${root.replaceAll('.', '\\.')}\\.inbox\\.[0-9a-f-]{36}$`);
  return {
    requestKey: (service) => `${root}.request.${service}`,
    controlKey: (service) => `${root}.control.${service}`,
    pool: (service) => `${root}/${service}`,
    inboxKey: (id) => `${root}.inbox.${id}`,
    isInbox: (key) => inbox.test(key),
  };
}

/** Schema of a root name that fits one word of a routing key. */
export const rootField = matching(
  /^(?=.{1,32}$)[\w-]+(\.[\w-]+)*$/,
  '1 to 32 letters, digits, dashes or underscores, with dots between',
);

/** Throws ConfigurationError CONFIG_VALUE_INVALID for what cannot begin a routing key. */
export function assertRoot(root: string): void {
  if (/^[\w-]+(\.[\w-]+)*$/.test(root) && root.length <= 32) return;
  throw invalid(
    'root',
    root,
    'is 1 to 32 letters, digits, dashes or underscores, with dots between',
  );
}

/** Throws ConfigurationError CONFIG_VALUE_INVALID for what cannot name a service: one word of a key. */
export function assertServiceName(service: string): void {
  if (typeof service === 'string' && /^[\w-]{1,64}$/.test(service)) return;
  throw invalid('service', String(service), 'is 1 to 64 letters, digits, dashes or underscores');
}

function invalid(key: string, value: string, problem: string): ConfigurationError {
  const shown = value.slice(0, 64);
  return new ConfigurationError('CONFIG_VALUE_INVALID', `${key} ${problem}; got "${shown}".`, {
    parameters: { key, value: shown },
  });
}
