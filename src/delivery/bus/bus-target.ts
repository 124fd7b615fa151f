/**
 * Pure. Where a bus publishes, as text that is kept and compared: `amqp://a:5672,b:5672/vhost/exchange`.
 * Holds no credentials. Loopback addresses are written as one, and so are the plain and the TLS port.
 */
export function busTarget(
  scheme: string,
  hosts: readonly { readonly host: string; readonly port: number }[],
  place: readonly string[],
): string {
  const names = hosts.map(({ host, port }) => `${localName(host)}:${port}`);
  return `${scheme}://${[...new Set(names)].toSorted().join(',')}/${place.map(encodeURIComponent).join('/')}`;
}

/**
 * Pure. Whether two targets are one place: the same exchange, stream or topic. Hosts are not compared: one
 * broker has other addresses behind a balancer, a tunnel or another name.
 */
export function isSameTarget(one: string, other: string): boolean {
  const [a, b] = [parts(one), parts(other)];
  return a.scheme === b.scheme && a.place === b.place;
}

/** Pure. The scheme of a target, and the last part of its place: an exchange, a stream or a topic. */
export function destinationOf(target: string): {
  readonly scheme: string;
  readonly destination: string;
} {
  const { scheme, place } = parts(target);
  return { scheme, destination: decodeURIComponent(place.slice(place.lastIndexOf('/') + 1)) };
}

function parts(target: string): {
  readonly scheme: string;
  readonly place: string;
} {
  const [, scheme = '', place = ''] = /^([^:]*):\/\/[^/]*(.*)$/su.exec(target) ?? [];
  return { scheme, place };
}

function localName(host: string): string {
  const name = host.toLowerCase();
  return ['localhost', '::1', '[::1]'].includes(name) ? '127.0.0.1' : name;
}

/** Pure. Reads `host`, `host:port` or a URL; what is behind the port or before an `@` is left out. */
export function hostAndPort(
  defaultPort: number,
): (text: string) => { readonly host: string; readonly port: number } {
  return (text) => {
    const bare = text.replace(/^[a-z+]+:\/\//iu, '').replace(/^.*@/su, '');
    const [, host = bare, port] = /^(\[[^\]]*\]|[^:/?#]*)(?::(\d+))?/u.exec(bare) ?? [];
    return { host, port: port === undefined ? defaultPort : Number(port) };
  };
}
