import { ConfigurationError } from '../../core/errors/errors.js';

/**
 * Pure. The addresses of a configuration, such as `nats://host:4222/stream`, as options: the path is the
 * stream, the same in all. Throws ConfigurationError CONFIG_VALUE_INVALID, without the addresses.
 */
export function natsAddress(urls: readonly string[]): {
  readonly url: readonly string[];
  readonly stream?: string;
} {
  const streams = new Set<string>();
  const url = urls.map((address) => {
    if (!URL.canParse(address)) throw invalid('is such as nats://user:password@host:4222/stream');
    const parsed = new URL(address);
    streams.add(parsed.pathname.replace(/^\//, ''));
    parsed.pathname = '';
    return parsed.href;
  });
  const [stream = '', ...others] = streams;
  if (others.length > 0) throw invalid('names the same stream as the others');
  return stream === '' ? { url } : { url, stream };
}

function invalid(problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `An address of a NATS bus ${problem}.`, {
    parameters: { key: 'bus' },
  });
}
