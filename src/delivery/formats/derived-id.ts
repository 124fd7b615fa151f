import { createHash } from 'node:crypto';

/**
 * Pure. An id for a message whose sender gave none: the same for each delivery of the same bytes, so
 * that consumers can deduplicate. A version 8 UUID (RFC 9562) of SHA-256.
 */
export function derivedId(key: string, body: Uint8Array): string {
  const digest = createHash('sha256').update(key).update('\0').update(body).digest('hex');
  const variant = ((Number.parseInt(digest.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join('-');
}
