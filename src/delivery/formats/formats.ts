import { field } from '../../core/options/fields.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { nearestName } from '../../core/errors/nearest-name.js';
import { cloudEventsBinary, type Transport } from './cloudevents-binary.js';
import { cloudEvents } from './cloudevents.js';
import { cloudStack, cloudStackOnKafka } from './cloudstack/cloudstack.js';
import type { Format } from './format.js';
import { oslo } from './oslo/oslo.js';

/** The names of the formats that come with Signalbox. */
export type FormatName = 'cloudevents' | 'cloudevents-binary' | 'cloudstack' | 'oslo';

const defaultOslo = oslo();

/** A format, or how it looks on each transport. */
const builtIn = {
  cloudevents: () => cloudEvents,
  'cloudevents-binary': cloudEventsBinary,
  cloudstack: (transport) => (transport === 'kafka' ? cloudStackOnKafka : cloudStack),
  oslo: () => defaultOslo,
} as const satisfies Readonly<Record<FormatName, (transport: Transport) => Format>>;

/** The formats that configuration files can name. Immutable. */
export interface Formats {
  /** Every name, the built-in ones first. */
  readonly names: readonly string[];
  /**
   * Pure. The format of this name, as it looks on the transport. Throws ConfigurationError
   * CONFIG_VALUE_INVALID, with the nearest name, when there is none.
   */
  get(name: FormatName | (string & {}), transport: Transport): Format;
}

/**
 * Pure. The built-in formats together with your own, each under its `name`. Throws ConfigurationError
 * CONFIG_VALUE_INVALID when two have one name, or one is no format.
 *
 * @example
 * const formats = defineFormats([acmeFormat]);
 * formats.get('acme', 'amqp') === acmeFormat;
 */
export function defineFormats(own: readonly Format[] = []): Formats {
  const known = new Map<string, (transport: Transport) => Format>(Object.entries(builtIn));
  for (const format of own) {
    assertFormat(format, 'formats');
    if (known.has(format.name)) {
      throw invalid('formats', `two formats are named '${format.name}'. Give yours another name.`);
    }
    known.set(format.name, () => format);
  }
  const names = Object.freeze([...known.keys()]);
  return Object.freeze({
    names,
    get(name: string, transport: Transport): Format {
      const found = known.get(name);
      if (found !== undefined) return found(transport);
      const nearest = nearestName(name, names);
      const hint = nearest === undefined ? '' : `Did you mean '${nearest}'? `;
      throw invalid(
        'format',
        `there is no format '${name}'. ${hint}There are ${names.join(', ')}.`,
      );
    },
  });
}

/** The formats that come with Signalbox. */
export const formats: Formats = defineFormats();

/**
 * Pure. Throws ConfigurationError CONFIG_VALUE_INVALID for what is no format, from callers whom no
 * compiler warns.
 *
 * @param key the option that it was given as
 */
export function assertFormat(value: unknown, key: string): asserts value is Format {
  if (isFormat(value)) return;
  throw invalid(key, 'is a format, such as cloudEvents: a name, encode, encodeText and decode.');
}

/** A format, of this package or of the user's own. */
export const formatField = field('a format, such as cloudEvents', isFormat);

/** Pure. Whether a value has what a format has. */
export function isFormat(value: unknown): value is Format {
  const { name, encode, encodeText, decode } = Object(value) as Partial<Format>;
  const functions = [encode, encodeText, decode];
  return typeof name === 'string' && functions.every((each) => typeof each === 'function');
}

function invalid(key: string, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `${key}: ${problem}`, {
    parameters: { key },
  });
}
