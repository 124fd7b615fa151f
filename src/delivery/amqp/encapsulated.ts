import { deadLetterHeader, isDeadLetterHeader } from './dead-letter-wire.js';
import { decodeProperties, receivedList } from './received-properties.js';
import { isBrokerHeader, type Received } from './wire.js';

/**
 * A message as bytes, to be the body of another: the length of its property list, the list, and its body.
 * Throws where the list is not known.
 */
export function encapsulate({ properties, content }: Received): Buffer {
  const list = receivedList(properties);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(list.length);
  return Buffer.concat([length, list, content]);
}

/**
 * The message within a dead letter, or within one that was redriven; any other as it is. Nobody else's
 * message is looked into: what comes from another exchange has other readers, who would see something else.
 */
export function unwrapped<R extends Received>(received: R, deadLetterExchange: string): R {
  const { fields, properties, content } = received;
  const outer: Readonly<Record<string, unknown>> = properties.headers ?? {};
  if (fields.exchange !== deadLetterExchange || outer[deadLetterHeader.encapsulated] !== 1) {
    return received;
  }
  const end = content.length < 4 ? Infinity : 4 + content.readUInt32BE();
  if (end > content.length) return received;
  const inner = decodeProperties(content.subarray(4, end));
  const facts = Object.entries(outer).filter(
    ([name]) => isDeadLetterHeader(name) || isBrokerHeader(name),
  );
  const headers = { ...inner.headers, ...Object.fromEntries(facts) };
  return { ...received, properties: { ...inner, headers }, content: content.subarray(end) };
}
