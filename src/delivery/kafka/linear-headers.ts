/** The part of KafkaJS that reads what brokers answer, as far as it is changed here. */
interface DecoderClass {
  readonly prototype: { readVarIntArray?: (reader: unknown) => unknown[] };
}

interface DecodedHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

/** Not in the types of the package, and the same module that its own code loads. */
const decoderModule = 'kafkajs/src/protocol/decoder.js';

const changed = new WeakSet<object>();

/**
 * Makes KafkaJS read the headers of a record in time that grows with their number.
 *
 * KafkaJS copies all headers for each one: a record with 20,000 short headers, which takes 100 kB, stops
 * its process for minutes. The group then takes the member for dead, and gives the record to the next.
 * The headers of records are the only arrays that it reads by `readVarIntArray`, and it folds them by
 * `reduce`. A client in which that is otherwise stays as it is.
 */
export async function readHeadersLinearly(): Promise<void> {
  const found = (await import(decoderModule).catch(() => undefined)) as
    { readonly default?: DecoderClass } | undefined;
  const decoder = found?.default?.prototype;
  const read = decoder?.readVarIntArray;
  if (decoder === undefined || read === undefined || changed.has(decoder)) return;
  changed.add(decoder);
  decoder.readVarIntArray = function readVarIntArray(reader) {
    const headers = read.call(this, reader) as DecodedHeader[];
    return Object.defineProperty(headers, 'reduce', { value: () => foldHeaders(headers) });
  };
}

/** Pure. What KafkaJS makes of headers: a list where a name comes more than once. */
export function foldHeaders(
  headers: readonly DecodedHeader[],
): Record<string, DecodedHeader['value'] | DecodedHeader['value'][]> {
  const folded = new Map<string, DecodedHeader['value'] | DecodedHeader['value'][]>();
  for (const { key, value } of headers) {
    const before = folded.get(key);
    if (before === undefined) folded.set(key, value);
    else if (Array.isArray(before)) before.push(value);
    else folded.set(key, [before, value]);
  }
  return Object.fromEntries(folded);
}
