import { FieldTableError } from './field-table.js';

/** The properties of a message in the order of AMQP 0-9-1, which is that of their flags and on the wire. */
const order = [
  ['contentType', 'text'],
  ['contentEncoding', 'text'],
  ['headers', 'table'],
  ['deliveryMode', 'octet'],
  ['priority', 'octet'],
  ['correlationId', 'text'],
  ['replyTo', 'text'],
  ['expiration', 'text'],
  ['messageId', 'text'],
  ['timestamp', 'time'],
  ['type', 'text'],
  ['userId', 'text'],
  ['appId', 'text'],
  ['clusterId', 'text'],
] as const;

export type PropertyName = (typeof order)[number][0];

/** The bytes of each property that a message has, as on the wire; texts and headers without their length. */
export type RawProperties = ReadonlyMap<PropertyName, Buffer>;

/**
 * Splits the property list of a content header into its properties. It decodes no value: the copies of it
 * that dead letters keep are what came, bit by bit. Throws FieldTableError where a property has no end.
 */
export function splitProperties(list: Buffer): RawProperties {
  const found = new Map<PropertyName, Buffer>();
  if (list.length < 2) throw new FieldTableError('are cut short');
  const flags = list.readUInt16BE(0);
  let at = 2;
  for (const [index, [name, kind]] of order.entries()) {
    if ((flags & (0x8000 >> index)) === 0) continue;
    const prefix = kind === 'text' ? 1 : kind === 'table' ? 4 : 0;
    if (at + prefix > list.length) throw new FieldTableError('are cut short');
    const length =
      kind === 'text'
        ? (list[at] as number)
        : kind === 'table'
          ? list.readUInt32BE(at)
          : kind === 'time'
            ? 8
            : 1;
    const end = at + prefix + length;
    if (end > list.length) throw new FieldTableError('are cut short');
    found.set(name, list.subarray(at + prefix, end));
    at = end;
  }
  return found;
}

/** The property list of a content header. A text has at most 255 bytes. */
export function joinProperties(properties: RawProperties): Buffer {
  const parts: Buffer[] = [];
  let flags = 0;
  for (const [index, [name, kind]] of order.entries()) {
    const value = properties.get(name);
    if (value === undefined) continue;
    flags |= 0x8000 >> index;
    if (kind === 'text') parts.push(Buffer.from([value.length]));
    if (kind === 'table') {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(value.length);
      parts.push(length);
    }
    parts.push(value);
  }
  return Buffer.concat([Buffer.from([flags >> 8, flags & 0xff]), ...parts]);
}
