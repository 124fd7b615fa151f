import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { ConfigurationError } from '../../../core/errors/errors.js';
import type { SignalboxEvent } from '../../../core/events/event.js';
import type { EventTypes } from '../../../core/events/event-types.js';
import { eventInvalid } from '../event-invalid.js';
import type { Format } from '../format.js';

/** A key by which private fields are encrypted and read. */
export interface FieldKey {
  /** Tells keys apart while one takes the place of another. */
  readonly id: string;
  /** Base64 of 32 bytes: AES-256. */
  readonly key: string;
}

type Owner = Record<string, unknown>;

/**
 * Pure. An event without its private fields, as `defineEventTypes` marks them; the event itself where it
 * has none.
 */
export function redactEvent<E extends SignalboxEvent>(
  event: E,
  eventTypes: Pick<EventTypes, 'privateFields'>,
): E {
  return changed(event, eventTypes, (owner, name) => {
    delete owner[name];
  });
}

/**
 * A format that leaves private fields out, for a bus that not everybody may read whole. The journal
 * keeps them.
 *
 * @example
 * rabbitmq({ url, format: redactedFields(cloudEvents, eventTypes) });
 */
export function redactedFields(
  format: Format,
  eventTypes: Pick<EventTypes, 'privateFields'>,
): Format {
  const name = `redacted-${format.name}`;
  return { ...rewritten(format, eventTypes, (event) => redactEvent(event, eventTypes)), name };
}

/**
 * A format that encrypts private fields, and reads those for which it has the key; others stay as they
 * came. Each is a JWE in compact form (`dir`, `A256GCM`, `kid`): a text in place of a value, and
 * `{ "jwe": … }` in place of an object. It is bound to its event and its place. The first key encrypts.
 *
 * Throws ConfigurationError CONFIG_VALUE_INVALID for keys that are none.
 */
export function encryptedFields(
  format: Format,
  eventTypes: Pick<EventTypes, 'privateFields'>,
  { keys }: { readonly keys: readonly FieldKey[] },
): Format {
  const secrets = new Map(keys.map(({ id, key }) => [id, secretOf(id, key)]));
  const [current] = keys;
  if (current === undefined) throw invalid('no key is given');
  const secret = secrets.get(current.id) as Buffer;
  return {
    ...rewritten(format, eventTypes, (event) =>
      changed(event, eventTypes, (owner, name, path) => {
        const value = owner[name];
        const text = encrypt(JSON.stringify(value), secret, {
          kid: current.id,
          event: event.id,
          path,
        });
        owner[name] = isObject(value) ? { jwe: text } : text;
      }),
    ),
    name: `encrypted-${format.name}`,
    async decode(message) {
      const event = await format.decode(message);
      return changed(event, eventTypes, (owner, name, path) => {
        const value = owner[name];
        const text = isObject(value) ? value['jwe'] : value;
        const read = decrypt(text, secrets, { event: event.id, path });
        if (read !== undefined) owner[name] = read;
      });
    },
  };
}

function rewritten(
  format: Format,
  eventTypes: Pick<EventTypes, 'privateFields'>,
  rewrite: (event: SignalboxEvent) => SignalboxEvent,
): Format {
  return {
    ...format,
    encode: (event) => format.encode(rewrite(event)),
    encodeText(head, text) {
      if (eventTypes.privateFields(head.type).length === 0) return format.encodeText(head, text);
      return format.encodeText(head, JSON.stringify(rewrite(JSON.parse(text) as SignalboxEvent)));
    },
    decode: (message) => format.decode(message),
  };
}

/** A copy in which each private field that is there was changed. */
function changed<E extends SignalboxEvent>(
  event: E,
  eventTypes: Pick<EventTypes, 'privateFields'>,
  change: (owner: Owner, name: string, path: string) => void,
): E {
  const paths = eventTypes.privateFields(event.type);
  if (paths.length === 0) return event;
  const copy = structuredClone(event);
  for (const path of paths) {
    const names = path.split('.');
    const name = names.pop() as string;
    const owner = names.reduce<unknown>(
      (from, each) => (isObject(from) && Object.hasOwn(from, each) ? from[each] : undefined),
      copy,
    );
    if (isObject(owner) && Object.hasOwn(owner, name)) change(owner, name, path);
  }
  return copy;
}

function isObject(value: unknown): value is Owner {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Place {
  readonly event: string;
  readonly path: string;
}

function encrypt(
  text: string,
  secret: Buffer,
  { kid, event, path }: Place & { readonly kid: string },
): string {
  const header = Buffer.from(
    JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid, sub: `${event} ${path}` }),
  ).toString('base64url');
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', secret, iv).setAAD(Buffer.from(header));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  const rest = [iv, body, cipher.getAuthTag()].map((part) => part.toString('base64url'));
  return [header, '', ...rest].join('.');
}

/** Undefined for what is no JWE of ours, or of a key that is not ours to have. */
function decrypt(
  text: unknown,
  secrets: ReadonlyMap<string, Buffer>,
  { event, path }: Place,
): unknown {
  const [, header, iv, body, tag] =
    /^([\w-]+)\.\.([\w-]{16})\.([\w-]*)\.([\w-]{22})$/.exec(typeof text === 'string' ? text : '') ??
    [];
  if (header === undefined) return undefined;
  const { alg, enc, kid, sub } = headerOf(header);
  const secret = alg === 'dir' && enc === 'A256GCM' ? secrets.get(String(kid)) : undefined;
  if (secret === undefined) return undefined;
  if (sub !== `${event} ${path}`)
    throw eventInvalid('event', path, 'was encrypted for another place');
  const [nonce, content, seal] = [iv, body, tag].map((part) =>
    Buffer.from(String(part), 'base64url'),
  );
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, nonce as Buffer, { authTagLength: 16 })
      .setAAD(Buffer.from(header))
      .setAuthTag(seal as Buffer);
    const clear = Buffer.concat([decipher.update(content as Buffer), decipher.final()]);
    return JSON.parse(clear.toString('utf8')) as unknown;
  } catch {
    throw eventInvalid('event', path, 'cannot be decrypted by its key');
  }
}

function headerOf(text: string): Owner {
  try {
    const header: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return isObject(header) ? header : {};
  } catch {
    return {};
  }
}

function secretOf(id: string, key: string): Buffer {
  const secret = Buffer.from(String(key), 'base64');
  if (/^[\w.-]{1,64}$/.test(id) && secret.length === 32) return secret;
  throw invalid('a key has an id of letters, digits, dots, - or _, and is base64 of 32 bytes');
}

function invalid(problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `encryptedFields: ${problem}.`, {
    parameters: { key: 'keys' },
  });
}
