/**
 * Arrays as PostgreSQL's binary format has them. The server reads a uuid or a time that is written out
 * letter by letter, and an array of them twice: as text they are a tenth of what a large batch costs.
 */

/** A `uuid[]`, null for an absent one. The texts must be uuids with their hyphens. Pure. */
export function uuidArray(uuids: readonly (string | undefined)[]): Buffer {
  return array(2950, 16, uuids, (buffer, at, uuid) => {
    let place = 0;
    for (let byte = 0; byte < 16; byte += 1) {
      // A hyphen stands before bytes 4, 6, 8 and 10.
      if (byte === 4 || byte === 6 || byte === 8 || byte === 10) {
        place += 1;
      }
      buffer[at + byte] = (digit(uuid, place) << 4) | digit(uuid, place + 1);
      place += 2;
    }
  });
}

/** An `int[]`. Pure. */
export function intArray(numbers: readonly number[]): Buffer {
  return array(23, 4, numbers, (buffer, at, number) => buffer.writeInt32BE(number, at));
}

/** A `smallint[]`. Pure. */
export function smallintArray(numbers: readonly number[]): Buffer {
  return array(21, 2, numbers, (buffer, at, number) => buffer.writeInt16BE(number, at));
}

/** A `bigint[]` of safe integers, null for an absent one. Pure. */
export function bigintArray(numbers: readonly (number | undefined)[]): Buffer {
  return array(20, 8, numbers, writeInteger);
}

/** A `timestamptz[]` of RFC 3339 texts. Pure. */
export function timeArray(times: readonly string[]): Buffer {
  let last = '';
  let microseconds = 0;
  return array(1184, 8, times, (buffer, at, time) => {
    // The requests of a batch often came in the same millisecond.
    if (time !== last) {
      last = time;
      microseconds = (Date.parse(time) - epoch) * 1000;
    }
    writeInteger(buffer, at, microseconds);
  });
}

/** A `text[]` of any texts, null for an absent one. Pure. */
export function textArray(texts: readonly (string | undefined)[]): Buffer {
  const sizes = texts.map((text) => (text === undefined ? -1 : Buffer.byteLength(text)));
  const size = sizes.reduce((sum, each) => sum + 4 + Math.max(each, 0), header);
  const buffer = Buffer.allocUnsafe(size);
  writeHeader(buffer, 25, texts.length, sizes.includes(-1));
  let at = header;
  texts.forEach((text, index) => {
    at = buffer.writeInt32BE(sizes[index] as number, at);
    at += text === undefined ? 0 : buffer.write(text, at);
  });
  return buffer;
}

/** PostgreSQL counts from the year 2000. */
const epoch = Date.UTC(2000);

const header = 20;

function writeHeader(buffer: Buffer, type: number, length: number, nulls: boolean): void {
  // Dimensions, whether any is null, the type of the elements; how many, and the first one's number.
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(nulls ? 1 : 0, 4);
  buffer.writeInt32BE(type, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
}

function array<T>(
  type: number,
  width: number,
  elements: readonly (T | undefined)[],
  write: (buffer: Buffer, at: number, element: T) => void,
): Buffer {
  const buffer = Buffer.allocUnsafe(header + elements.length * (4 + width));
  writeHeader(buffer, type, elements.length, elements.includes(undefined));
  let at = header;
  for (const element of elements) {
    if (element === undefined) {
      at = buffer.writeInt32BE(-1, at);
    } else {
      buffer.writeInt32BE(width, at);
      write(buffer, at + 4, element);
      at += 4 + width;
    }
  }
  return buffer.subarray(0, at);
}

function writeInteger(buffer: Buffer, at: number, number: number): void {
  buffer.writeInt32BE(Math.floor(number / 2 ** 32), at);
  buffer.writeInt32BE(number | 0, at + 4);
}

function digit(text: string, place: number): number {
  const code = text.charCodeAt(place);
  return code < 58 ? code - 48 : (code | 32) - 87;
}
