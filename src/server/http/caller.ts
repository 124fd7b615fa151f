import { administrator, type Principal } from '../access/access.js';
import type { Owner } from '../model.js';
import { Problem } from './problem.js';
import type { Call } from './route.js';

/** The authenticated caller. Throws Problem 401 where there is none. */
export function principalOf({ principal }: Call): Principal {
  if (principal === undefined) throw new Problem(401, 'NOT_AUTHENTICATED', 'Send a valid token.');
  return principal;
}

export function isAdministrator(call: Call): boolean {
  return principalOf(call).scopes.has('admin');
}

/** Owner whose data a caller sees: an administrator sees all. */
export function ownerOf(call: Call): Owner {
  return isAdministrator(call) ? administrator.owner : principalOf(call).owner;
}
