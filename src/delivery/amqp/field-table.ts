/** Levels of tables and arrays within each other that are decoded: no program needs so many. */
const deepest = 32;

/** One entry of a field table: its bytes, and where in them the value begins. */
export interface TableEntry {
  readonly name: string;
  /** Name and value, as on the wire. */
  readonly bytes: Buffer;
  /** The offset of the value's type tag in `bytes`. */
  readonly valueAt: number;
}

/** Thrown for a field table that cannot be decoded. The message completes "its headers …". */
export class FieldTableError extends Error {
  override readonly name = 'FieldTableError';
}

/**
 * Yields the entries of a field table, without decoding their values: nested ones are passed over by their
 * length, so that no nesting costs anything. Throws FieldTableError where an entry has no end.
 *
 * @param table The table without the length before it.
 */
export function* tableEntries(table: Buffer): Generator<TableEntry> {
  for (let at = 0; at < table.length;) {
    const nameEnd = at + 1 + (table[at] as number);
    const end = valueEnd(table, nameEnd);
    const name = table.toString('utf8', at + 1, nameEnd);
    yield { name, bytes: table.subarray(at, end), valueAt: nameEnd - at };
    at = end;
  }
}

/**
 * Decodes the value of an entry. Tables become objects, arrays arrays, byte arrays Buffers; timestamps and
 * decimals keep amqplib's form `{ '!': type, value }`. Throws FieldTableError for a value that is cut short
 * or nests more than 32 levels deep.
 */
export function decodeEntry({ bytes, valueAt }: TableEntry): unknown {
  return decodeValue(bytes, valueAt, 0);
}

/** Sets a property also where the name is `__proto__`. */
export function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') target[name] = value;
  else {
    Object.defineProperty(target, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
}

/** Encodes an entry of ours: a text, or a whole number of 32 bits. A name has at most 255 bytes. */
export function encodeEntry(name: string, value: string | number): Buffer {
  const nameBytes = Buffer.from(name);
  const valueBytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from([0, 0, 0, 0]);
  const length = Buffer.alloc(typeof value === 'string' ? 5 : 1);
  length[0] = (typeof value === 'string' ? 'S' : 'I').charCodeAt(0);
  if (typeof value === 'string') length.writeUInt32BE(valueBytes.length, 1);
  else valueBytes.writeInt32BE(value);
  return Buffer.concat([Buffer.from([nameBytes.length]), nameBytes, length, valueBytes]);
}

/** Bytes of the values whose type has a fixed length, by tag. */
const fixedLengths: Readonly<Record<string, number>> = {
  V: 0,
  t: 1,
  b: 1,
  B: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  f: 4,
  D: 5,
  l: 8,
  L: 8,
  d: 8,
  T: 8,
};

/** Where the value that begins at `at` ends. */
function valueEnd(bytes: Buffer, at: number): number {
  if (at >= bytes.length) throw new FieldTableError('are cut short');
  const tag = String.fromCharCode(bytes[at] as number);
  const fixed = fixedLengths[tag];
  const end = fixed === undefined ? lengthPrefixedEnd(bytes, at, tag) : at + 1 + fixed;
  if (end > bytes.length) throw new FieldTableError('are cut short');
  return end;
}

function lengthPrefixedEnd(bytes: Buffer, at: number, tag: string): number {
  if (!'SxFA'.includes(tag)) {
    throw new FieldTableError(`have a value of the unknown type ${JSON.stringify(tag)}`);
  }
  if (at + 5 > bytes.length) throw new FieldTableError('are cut short');
  return at + 5 + bytes.readUInt32BE(at + 1);
}

function decodeValue(bytes: Buffer, at: number, depth: number): unknown {
  const end = valueEnd(bytes, at);
  const begin = at + 1;
  switch (String.fromCharCode(bytes[at] as number)) {
    case 'V':
      return null;
    case 't':
      return bytes[begin] !== 0;
    case 'b':
      return bytes.readInt8(begin);
    case 'B':
      return bytes.readUInt8(begin);
    case 's':
      return bytes.readInt16BE(begin);
    case 'u':
      return bytes.readUInt16BE(begin);
    case 'I':
      return bytes.readInt32BE(begin);
    case 'i':
      return bytes.readUInt32BE(begin);
    case 'l':
    case 'L':
      return Number(bytes.readBigInt64BE(begin));
    case 'f':
      return bytes.readFloatBE(begin);
    case 'd':
      return bytes.readDoubleBE(begin);
    case 'T':
      return { '!': 'timestamp', value: Number(bytes.readBigUInt64BE(begin)) };
    case 'D': {
      const value = { places: bytes[begin] as number, digits: bytes.readUInt32BE(begin + 1) };
      return { '!': 'decimal', value };
    }
    case 'S':
      return bytes.toString('utf8', begin + 4, end);
    case 'x':
      return bytes.subarray(begin + 4, end);
    case 'A':
      return decodeArray(bytes.subarray(begin + 4, end), below(depth));
    default:
      return decodeTable(bytes.subarray(begin + 4, end), below(depth));
  }
}

function below(depth: number): number {
  if (depth < deepest) return depth + 1;
  throw new FieldTableError(`nest more than ${deepest} levels deep`);
}

function decodeArray(bytes: Buffer, depth: number): readonly unknown[] {
  const values: unknown[] = [];
  for (let at = 0; at < bytes.length; at = valueEnd(bytes, at)) {
    values.push(decodeValue(bytes, at, depth));
  }
  return values;
}

function decodeTable(bytes: Buffer, depth: number): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  for (const entry of tableEntries(bytes)) {
    setOwn(fields, entry.name, decodeValue(entry.bytes, entry.valueAt, depth));
  }
  return fields;
}
