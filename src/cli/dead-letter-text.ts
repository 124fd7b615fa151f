import type { DeadLetter } from '../delivery/bus/bus.js';
import type { DeadLetterGroup } from '../delivery/bus/dead-letter-groups.js';
import { printable } from './printable.js';

/** How many bytes of a body are shown to a person. */
const shownBytes = 2_000;

/** Pure. A group of dead letters as a line for a person. */
export function groupLine({ reason, count, first, last, sample }: DeadLetterGroup): string {
  const when = first === last ? first : `${first} to ${last}`;
  const told = when === '' ? '' : `  ${when}`;
  return `${String(count).padStart(8)}  ${printable(reason)}\n          ${`such as ${printable(sample)}${told}`}\n`;
}

/** Pure. A dead letter as a block of lines for a person; control characters are escaped. */
export function letterText(letter: DeadLetter): string {
  const { message, reason, attempts, time, error, origin } = letter;
  const { key, id, contentType, headers, body, partitionKey } = message;
  const code = error?.code === undefined ? '' : ` (${error.code})`;
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['id', id],
    ['key', key],
    ['exchange', origin.exchange],
    ['resource', partitionKey],
    ['reason', reason],
    ['error', error === undefined ? undefined : `${error.name}${code}: ${error.message}`],
    ['tries', String(attempts)],
    ['given up', time === '' ? undefined : time],
    ['by', origin.member ?? 'the broker'],
    ['type', contentType === '' ? undefined : contentType],
    ['headers', Object.keys(headers).length === 0 ? undefined : JSON.stringify(headers)],
    ['body', bodyText(body)],
  ];
  const lines = fields.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(9)} ${printable(value)}\n`],
  );
  return `${lines.join('')}\n`;
}

/** Pure. A dead letter as plain JSON: its body as text where it is UTF-8, else in Base64. */
export function letterJson(letter: DeadLetter): object {
  const { message, ...rest } = letter;
  const { body, ...about } = message;
  const text = asText(body);
  return {
    ...rest,
    message: {
      ...about,
      ...(text === undefined
        ? { bodyBase64: Buffer.from(body).toString('base64') }
        : { body: text }),
    },
  };
}

function bodyText(body: Uint8Array): string {
  const text = asText(body);
  if (text === undefined) return `${body.byteLength} bytes, no text`;
  if (text.length <= shownBytes) return text;
  return `${text.slice(0, shownBytes)}… (${body.byteLength} bytes; --json shows all)`;
}

function asText(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}
