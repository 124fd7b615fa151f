import type { StoredMsg } from '@nats-io/jetstream';
import type { Msg, MsgHdrs } from '@nats-io/transport-node';

/** Headers as they came: the first value of each name. */
export type HeaderBlock = ReadonlyMap<string, string>;

/** More headers than this are not read: whoever may publish could send tens of thousands of short ones. */
export const mostHeaders = 1_000;

/**
 * Pure. Reads a header block in time that grows with its bytes; the client's own decoder takes the square
 * of the number of headers, and refuses names that servers store. Throws when there are more than
 * `mostHeaders`.
 */
export function readHeaderBlock(bytes: Uint8Array): HeaderBlock {
  const [, ...lines] = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString()
    .split('\r\n');
  const block = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const name = line.slice(0, colon);
    if (block.has(name)) continue;
    if (block.size === mostHeaders) throw new Error(`there are more than ${mostHeaders}`);
    block.set(name, line.slice(colon + 1).trim());
  }
  return block;
}

/** Fields that the client keeps of a message beyond its declared types. */
interface RawDelivery {
  readonly _rdata?: Uint8Array;
  readonly _msg?: { readonly hdr?: number };
}
interface RawStored {
  readonly smr?: { readonly message?: { readonly hdrs?: unknown } };
}

/** The headers of a delivery; undefined for one without any. Throws when they cannot be read. */
export function deliveryHeaders(delivery: Msg): HeaderBlock | undefined {
  const { _rdata: bytes, _msg: sizes } = delivery as RawDelivery;
  if (bytes === undefined || sizes?.hdr === undefined) return decodedHeaders(delivery.headers);
  return sizes.hdr > 0 ? readHeaderBlock(bytes.subarray(0, sizes.hdr)) : undefined;
}

/** The headers of a stored message; undefined for one without any. Throws when they cannot be read. */
export function storedHeaders(stored: StoredMsg): HeaderBlock | undefined {
  const message = (stored as RawStored).smr?.message;
  if (message === undefined) return decodedHeaders(stored.header);
  const { hdrs } = message;
  return typeof hdrs === 'string' ? readHeaderBlock(Buffer.from(hdrs, 'base64')) : undefined;
}

/** Pure. Of a client that does not show the bytes. */
function decodedHeaders(decoded: MsgHdrs | undefined): HeaderBlock | undefined {
  return decoded && new Map(decoded.keys().map((name) => [name, decoded.get(name)]));
}
