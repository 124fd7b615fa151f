import { BlockList, isIP } from 'node:net';
import { ConfigurationError } from '../../core/errors/errors.js';
import { type Fields, flag, listOf, text } from '../../core/options/fields.js';

/**
 * Tier of an address for a service that connects on behalf of others: `public`; `private`, allowed by a
 * switch or a network of the allow list; `forbidden` (this machine, its link, metadata, translations of
 * either, and addresses of no host), allowed by an exact entry only.
 */
export type AddressTier = 'public' | 'private' | 'forbidden';

const privateNetworks = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
];

const forbiddenNetworks = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Azure's platform, which has a public address.
  '168.63.129.16/32',
  // Alibaba Cloud's metadata, inside of a private network.
  '100.100.100.200/32',
  // IPv4 in other clothes: mapped and compatible, NAT64, 6to4, Teredo, ISATAP's documentation.
  '::/96',
  '::ffff:0:0/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2002::/16',
  '2001::/23',
  '100::/64',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  // Metadata of AWS over IPv6, inside of a private network.
  'fd00:ec2::254/128',
];

const isPrivate = blockOf(privateNetworks);
const isForbidden = blockOf(forbiddenNetworks);
const isGlobal6 = blockOf(['2000::/3', 'fc00::/7']);

/** Pure. The tier of an IP address; of text that is none, `forbidden`. */
export function addressTier(address: string): AddressTier {
  const bare = address.replace(/%.*$/s, '');
  const family = isIP(bare);
  if (family === 0 || isForbidden(bare)) return 'forbidden';
  if (family === 6 && !isGlobal6(bare)) return 'forbidden';
  return isPrivate(bare) ? 'private' : 'public';
}

/** Options of the guard: addresses that are allowed besides public ones. */
export interface GuardOptions {
  /** Whether endpoints may be in private networks (10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7). Default false. */
  readonly allowPrivate?: boolean;
  /**
   * Entries of addresses that are allowed: a network such as `10.1.0.0/16` allows its private addresses;
   * an address, or an address and a port (`127.0.0.1:8080`, `[::1]:8080`), whatever it is.
   */
  readonly allow?: readonly string[];
}

/** Fields of the options of the SSRF guard. */
export const guardFields: Fields<GuardOptions> = {
  allowPrivate: flag,
  allow: listOf(text(1, 255)),
};

/** Pure. Whether the service may connect to an address and port. */
export type AddressPolicy = (address: string, port: number) => boolean;

/** Pure. Throws ConfigurationError CONFIG_VALUE_INVALID for an entry that is none. */
export function addressPolicy({ allowPrivate = false, allow = [] }: GuardOptions): AddressPolicy {
  const networks = allow.filter((entry) => entry.includes('/'));
  const exact = new Set(
    allow.filter((entry) => !entry.includes('/')).map((entry) => exactEntry(entry)),
  );
  const isAllowed = blockOf(networks);
  return (address, port) => {
    const bare = normal(address);
    if (exact.has(bare) || exact.has(`${bare} ${port}`)) return true;
    switch (addressTier(address)) {
      case 'public':
        return true;
      case 'private':
        return allowPrivate || isAllowed(bare);
      case 'forbidden':
        return false;
    }
  };
}

function exactEntry(entry: string): string {
  const [, bracketed, v4, port] =
    /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/i.exec(entry) ?? [];
  const address = bracketed ?? v4 ?? entry;
  if (isIP(address) === 0) throw invalid(entry);
  return port === undefined ? normal(address) : `${normal(address)} ${Number(port)}`;
}

/** One spelling for each address. */
function normal(address: string): string {
  return isIP(address) === 6
    ? new URL(`http://[${address.replace(/%.*$/s, '')}]`).hostname.slice(1, -1)
    : address;
}

function blockOf(networks: readonly string[]): (address: string) => boolean {
  const four = new BlockList();
  const six = new BlockList();
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/');
    const family = isIP(address);
    if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) {
      throw invalid(network);
    }
    if (family === 4) four.addSubnet(address, Number(bits), 'ipv4');
    else six.addSubnet(address, Number(bits), 'ipv6');
  }
  // One list for each: Node would take an address of the one family for its form in the other.
  return (address) =>
    isIP(address) === 4 ? four.check(address, 'ipv4') : six.check(address, 'ipv6');
}

function invalid(entry: string): ConfigurationError {
  return new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `The allow list of addresses has '${entry.slice(0, 80)}'. An entry is a network (10.0.0.0/8), an address (127.0.0.1), or an address and a port (127.0.0.1:8080, [::1]:8080).`,
    { parameters: { key: 'allow' } },
  );
}
