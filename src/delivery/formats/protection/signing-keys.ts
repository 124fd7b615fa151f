import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { ConfigurationError } from '../../../core/errors/errors.js';

/** A key by which events are signed or verified, in the forms of Standard Webhooks. */
export interface SigningKey {
  /** Tells keys apart while one takes the place of another. 1 to 64 letters, digits, dots, `-` or `_`. */
  readonly id: string;
  /**
   * `whsec_` and base64 of 24 to 64 bytes: HMAC-SHA256, signs and verifies. `whsk_` and base64 of an
   * ed25519 secret key (32 bytes, or 64 with the public one behind): signs and verifies. `whpk_` and
   * base64 of an ed25519 public key: verifies only.
   */
  readonly key: string;
}

/** A key that is ready for use. */
export interface PreparedKey {
  readonly id: string;
  /** Undefined where the key can only verify. */
  readonly sign: ((content: Uint8Array) => string) | undefined;
  /** Whether a signature, with its version, is of this key. */
  verify(content: Uint8Array, signature: string): boolean;
}

const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const spki = Buffer.from('302a300506032b6570032100', 'hex');

/** Pure. Throws ConfigurationError CONFIG_VALUE_INVALID, which does not hold the key. */
export function prepareKey({ id, key }: SigningKey): PreparedKey {
  if (typeof id !== 'string' || !/^[\w.-]{1,64}$/.test(id)) {
    throw invalid('its id is 1 to 64 letters, digits, dots, - or _');
  }
  const [, kind, text = ''] = /^(whsec|whsk|whpk)_([A-Za-z0-9+/]+={0,2})$/.exec(String(key)) ?? [];
  const bytes = Buffer.from(text, 'base64');
  if (kind === 'whsec' && bytes.length >= 24 && bytes.length <= 64) return hmacKey(id, bytes);
  if (kind === 'whsk' && (bytes.length === 32 || bytes.length === 64)) {
    const secret = createPrivateKey({
      key: Buffer.concat([pkcs8, bytes.subarray(0, 32)]),
      format: 'der',
      type: 'pkcs8',
    });
    return ed25519Key(id, createPublicKey(secret), secret);
  }
  if (kind === 'whpk' && bytes.length === 32) {
    const key = createPublicKey({ key: Buffer.concat([spki, bytes]), format: 'der', type: 'spki' });
    return ed25519Key(id, key, undefined);
  }
  throw invalid(`'${id}' is none: whsec_, whsk_ or whpk_ and base64 of as many bytes as it takes`);
}

function hmacKey(id: string, secret: Buffer): PreparedKey {
  const signature = (content: Uint8Array): string =>
    `v1,${createHmac('sha256', secret).update(content).digest('base64')}`;
  return {
    id,
    sign: signature,
    verify(content, given) {
      const [own, other] = [Buffer.from(signature(content)), Buffer.from(given)];
      return own.length === other.length && timingSafeEqual(own, other);
    },
  };
}

function ed25519Key(id: string, publicKey: KeyObject, secret: KeyObject | undefined): PreparedKey {
  return {
    id,
    sign:
      secret === undefined
        ? undefined
        : (content) => `v1a,${sign(null, content, secret).toString('base64')}`,
    verify(content, given) {
      if (!given.startsWith('v1a,')) return false;
      return verify(null, content, publicKey, Buffer.from(given.slice(4), 'base64'));
    },
  };
}

function invalid(problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `A signing key: ${problem}.`, {
    parameters: { key: 'keys' },
  });
}
