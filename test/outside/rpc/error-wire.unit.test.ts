import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorClasses, errorCodes, type ErrorCode } from '../../../src/core/errors/codes.js';
import {
  ConfigurationError,
  ClosedError,
  ConflictError,
  DefinitionError,
  OutcomeUnknownError,
  RefusedError,
  SignalboxError,
  UnavailableError,
  type ErrorParameters,
  type Refusal,
} from '../../../src/core/errors/errors.js';
import type { JsonValue } from '../../../src/core/json/json.js';
import { decodeError, encodeError } from '../../../src/outside/rpc/error-wire.js';
import { MethodFailedError, ServiceError } from '../../../src/outside/rpc/service-error.js';

class QuotaError extends ServiceError {}

const code = fc.constantFrom(...(Object.keys(errorCodes) as ErrorCode[]));
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const parameters: fc.Arbitrary<ErrorParameters> = fc.dictionary(
  text.filter((key) => key !== '__proto__'),
  fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)), fc.boolean(), fc.constant(null), fc.array(text, { maxLength: 3 })), // prettier-ignore
  { maxKeys: 4, noNullPrototype: true },
);
const cause = fc.constantFrom(undefined, new Error('a secret cause'));
const refusal: fc.Arbitrary<Refusal> = fc.record({ code, message: text, parameters });
const refusals = fc
  .array(refusal, { minLength: 1, maxLength: 3 })
  .map((all) => all as [Refusal, ...Refusal[]]);

const error: fc.Arbitrary<SignalboxError | ServiceError> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        [ConflictError, errorClasses.ConflictError] as const,
        [UnavailableError, errorClasses.UnavailableError] as const,
        [OutcomeUnknownError, errorClasses.OutcomeUnknownError] as const,
        [ClosedError, errorClasses.ClosedError] as const,
        [ConfigurationError, errorClasses.ConfigurationError] as const,
        [MethodFailedError, errorClasses.MethodFailedError] as const,
      ),
      fc.nat(),
      text,
      fc.record({ parameters, cause }),
    )
    .map(([[Class, { codes }], index, ...rest]) => {
      const all = Object.keys(codes);
      return new Class(all[index % all.length] as never, ...rest);
    }),
  fc
    .tuple(
      fc.constantFrom(ServiceError, QuotaError),
      text,
      text,
      fc.record({ parameters, cause, retryable: fc.boolean() }),
    )
    .map(([Class, given, ...rest]) =>
      Class === QuotaError
        ? new QuotaError('QUOTA', ...rest)
        : new ServiceError(`own ${given}`, ...rest),
    ),
  fc.tuple(refusals, fc.record({ cause })).map((rest) => new RefusedError(...rest)),
  fc.tuple(text, refusals).map((rest) => new DefinitionError(...rest)),
);

function overTheWire(sent: Error) {
  const wire = encodeError(sent);
  return {
    text: JSON.stringify(wire),
    received:
      wire && decodeError(JSON.parse(JSON.stringify(wire)) as JsonValue, { QUOTA: QuotaError }),
  };
}

describe('an error over the wire', () => {
  it('is of its class again, with code, message, parameters and refusals, and nothing else', () => {
    fc.assert(
      fc.property(error, (sent) => {
        const { text: wire, received } = overTheWire(sent);
        expect(received?.constructor).toBe(sent.constructor);
        expect(received?.message).toBe(sent.message);
        expect(Object.entries(received ?? {})).toEqual(Object.entries(sent));
        expect(received?.cause).toBeUndefined();
        expect(wire).not.toContain('secret cause');
        expect(wire).not.toContain(import.meta.filename);
      }),
    );
  });

  it('is none when it is not typed', () => {
    for (const untyped of [new Error('secret'), new TypeError('secret'), new AggregateError([])]) {
      expect(encodeError(untyped)).toBeUndefined();
    }
  });

  it('of a class that extends one of ours is of that one', () => {
    class Busy extends ConflictError {}
    const { received } = overTheWire(new Busy('REVISION_CONFLICT', 'Busy.'));
    expect(received?.constructor).toBe(ConflictError);
  });

  it('masks passwords in addresses, in parameters too', () => {
    const sent = new UnavailableError('BUS_UNAVAILABLE', 'amqp://u:hunter2@host is away', {
      parameters: { url: 'amqp://u:hunter2@host', all: ['pg://u:hunter2@host'] },
    });
    expect(overTheWire(sent).text).not.toContain('hunter2');
  });

  it('leaves out parameters that JSON cannot carry', () => {
    const sent = new ServiceError('ODD', 'Odd.', {
      parameters: { fine: 1, nan: Number.NaN, missing: undefined as never },
    });
    expect(overTheWire(sent).received?.parameters).toEqual({ fine: 1 });
  });

  it('from a newer server keeps a code that this version does not know', () => {
    const wire = { class: 'ConflictError', code: 'NEWER', message: 'New.', parameters: {} };
    expect(decodeError(wire, {})).toMatchObject({ name: 'ConflictError', code: 'NEWER' });
  });

  it('is none when it is anything else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(decodeError(value as JsonValue, {})).toBeUndefined();
      }),
    );
    const fields = { code: 'X', message: 'm', parameters: {} };
    for (const wrong of [
      fields,
      { ...fields, class: 'Object' },
      { ...fields, class: 'constructor' },
      { ...fields, class: '__proto__' },
      { ...fields, class: 'DefinitionError' },
      { ...fields, class: 'RefusedError', refusals: [{}] },
      { ...fields, class: 'ServiceError', parameters: { deep: {} } },
      { ...fields, class: 'ServiceError', code: 1 },
    ]) {
      expect(decodeError(wrong, {})).toBeUndefined();
    }
  });
});
