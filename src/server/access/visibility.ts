import type { LoggedEvent, Owner } from '../model.js';
import type { Value } from '../store/service-sql.js';

/** Owner of an event. */
type Owned = Pick<LoggedEvent, 'account' | 'domain'>;

/**
 * Pure. Whether an owner may see an event. The one place where this is decided: at every query, at
 * subscription and again at every delivery. An event that names no account is seen by administrators only.
 */
export function maySee(owner: Owner, { account, domain }: Owned): boolean {
  switch (owner.reach) {
    case 'global':
      return true;
    case 'domain':
      return owner.domain !== '' && domain !== null && isWithin(domain, owner.domain);
    case 'local':
      return (
        owner.account !== '' &&
        account === owner.account &&
        (owner.domain === '' || domain === owner.domain)
      );
  }
}

/** Pure. Whether everything that `inner` sees is seen by `outer` too. */
export function covers(outer: Owner, inner: Owner): boolean {
  switch (outer.reach) {
    case 'global':
      return true;
    case 'domain':
      return (
        inner.reach !== 'global' &&
        outer.domain !== '' &&
        inner.domain !== '' &&
        isWithin(inner.domain, outer.domain)
      );
    case 'local':
      return (
        inner.reach === 'local' &&
        outer.account !== '' &&
        inner.account === outer.account &&
        (outer.domain === '' || inner.domain === outer.domain)
      );
  }
}

/** Pure. The same as `maySee`, as a condition on the columns `account` and `domain`. */
export function ownerCondition(owner: Owner): {
  readonly text: string;
  readonly parameters: readonly Value[];
} {
  switch (owner.reach) {
    case 'global':
      return { text: '1 = 1', parameters: [] };
    case 'domain':
      if (owner.domain === '') return { text: '1 = 0', parameters: [] };
      // Every path below it begins with the domain and a slash, and sorts before the next character.
      return {
        text: '(domain = ? OR (domain >= ? AND domain < ?))',
        parameters: [owner.domain, `${owner.domain}/`, `${owner.domain}0`],
      };
    case 'local':
      if (owner.account === '') return { text: '1 = 0', parameters: [] };
      return owner.domain === ''
        ? { text: 'account = ?', parameters: [owner.account] }
        : { text: 'account = ? AND domain = ?', parameters: [owner.account, owner.domain] };
  }
}

function isWithin(domain: string, outer: string): boolean {
  return domain === outer || domain.startsWith(`${outer}/`);
}
