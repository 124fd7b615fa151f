import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';

/** The addresses of a DataSource, as far as TypeORM reads any. */
interface Addresses {
  readonly url?: unknown;
  readonly replication?: {
    readonly master?: { readonly url?: unknown };
    readonly slaves?: readonly { readonly url?: unknown }[];
  };
}

/**
 * Throws ConfigurationError CONFIG_VALUE_INVALID, without the address, when an address of the DataSource has
 * a parameter: TypeORM drops the query, so that `?ssl=…` would connect in clear.
 */
export function refuseDroppedParameters({ options }: DataSource): void {
  const { url, replication } = options as Addresses;
  const { master, slaves = [] } = replication ?? {};
  for (const address of [url, master?.url, ...slaves.map((slave) => slave.url)]) {
    if (typeof address !== 'string') continue;
    const [, query] = /\?([^#]*)/s.exec(address) ?? [];
    const [name] = new URLSearchParams(query).keys();
    if (name === undefined) continue;
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `The address of the DataSource has the parameter '${name}', which TypeORM drops for MySQL and MariaDB. ` +
        `Take it out of the address and give it as an option of the DataSource${/ssl|tls/i.test(name) ? ', such as ssl: { ca }' : ''}.`,
      { parameters: { key: 'url', parameter: name } },
    );
  }
}
