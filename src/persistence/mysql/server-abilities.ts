/** Differences between MySQL and MariaDB servers and their versions. */
export interface ServerAbilities {
  /** Takes several statements as one block (`BEGIN NOT ATOMIC … END`). */
  readonly compound: boolean;
  /** Knows `FOR UPDATE SKIP LOCKED`. */
  readonly skipLocked: boolean;
}

/**
 * Tells what a server can do from its `VERSION()`. Pure.
 *
 * @example
 * ```ts
 * serverAbilities('10.11.6-MariaDB'); // { compound: true, skipLocked: true }
 * serverAbilities('8.0.36'); // { compound: false, skipLocked: true }
 * ```
 */
export function serverAbilities(version: string): ServerAbilities {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const mariadb = /mariadb/i.test(version);
  return {
    compound: mariadb && (major > 10 || (major === 10 && minor >= 1)),
    skipLocked: mariadb ? major > 10 || (major === 10 && minor >= 6) : major >= 8,
  };
}
