import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { EndpointSecret } from '../model.js';

/** How an endpoint's deliveries are signed. */
export type Signing = 'hmac' | 'ed25519';

/** A new signing key, and what its receiver verifies by. */
export function newSecret(signing: Signing): {
  readonly secret: EndpointSecret;
  readonly verifyBy: string;
} {
  const id = uuidv7();
  if (signing === 'hmac') {
    const key = `whsec_${randomBytes(32).toString('base64')}`;
    return { secret: { id, key }, verifyBy: key };
  }
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  // The last 32 bytes of either form are the key itself.
  const bytes = (form: Buffer): Buffer => form.subarray(form.length - 32);
  const secret = bytes(privateKey.export({ format: 'der', type: 'pkcs8' }));
  const open = bytes(publicKey.export({ format: 'der', type: 'spki' }));
  return {
    secret: { id, key: `whsk_${Buffer.concat([secret, open]).toString('base64')}` },
    verifyBy: `whpk_${open.toString('base64')}`,
  };
}

/** Pure. The keys after a change: the new one, and those before it for so many milliseconds yet. */
export function rotated(
  secrets: readonly EndpointSecret[],
  secret: EndpointSecret,
  graceMs: number,
  now: number,
): readonly EndpointSecret[] {
  const former = secrets
    .filter(({ until }) => until === undefined || until > now)
    .map((each) => ({ ...each, until: Math.min(each.until ?? Infinity, now + graceMs) }));
  // More than a few signatures would make a header that receivers refuse.
  return [secret, ...former.slice(0, 3)];
}
