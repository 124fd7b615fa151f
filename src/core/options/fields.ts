/** Description and test of the values of one option. */
export interface Field {
  /** Completes "… must be": `a whole number from 1 to 100`. */
  readonly takes: string;
  /** The path of the part that does not fit, empty for the value itself; undefined when all of it does. */
  readonly misfit: (value: unknown) => Misfit | undefined;
  readonly required?: boolean;
}

/** Where a value does not fit, and what fits there. */
export interface Misfit {
  /** Keys from the option down to the part, such as `.retry.delay`. */
  readonly path: string;
  readonly takes: string;
  readonly value: unknown;
  /** Set for a key that does not exist: the keys that do. */
  readonly keys?: readonly string[];
}

/** The fields of an options type, each of its keys once: the compiler tells when one is missing. */
export type Fields<T> = { readonly [Key in keyof Required<T>]: Field };

/** Most milliseconds that a timer of Node takes. */
export const longestTimer = 2 ** 31 - 1;

/** A field with a test of its own. */
export function field(takes: string, fits: (value: unknown) => boolean): Field {
  return {
    takes,
    misfit: (value) => (fits(value) ? undefined : { path: '', takes, value }),
  };
}

export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Field {
  const range =
    most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return field(
    `a whole number ${range}`,
    (value) =>
      Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  );
}

export function milliseconds(least: number, most = longestTimer): Field {
  return field(
    `milliseconds from ${least} to ${most}`,
    (value) => typeof value === 'number' && value >= least && value <= most,
  );
}

/** A number above 0, fractions too; not NaN and not infinite. */
export const positive = field(
  'a number above 0',
  (value) => Number.isFinite(value) && (value as number) > 0,
);

export function text(least = 0, most = Number.MAX_SAFE_INTEGER): Field {
  const takes =
    most === Number.MAX_SAFE_INTEGER
      ? least === 0
        ? 'a text'
        : 'a text that is not empty'
      : `a text of ${least} to ${most} characters`;
  return field(
    takes,
    (value) => typeof value === 'string' && value.length >= least && value.length <= most,
  );
}

export function matching(pattern: RegExp, takes: string): Field {
  return field(takes, (value) => typeof value === 'string' && pattern.test(value));
}

export const flag = field('true or false', (value) => typeof value === 'boolean');

export const callback = field('a function', (value) => typeof value === 'function');

export function oneOf(...values: readonly (string | number | boolean)[]): Field {
  return field(values.map((value) => JSON.stringify(value)).join(' or '), (value) =>
    values.includes(value as string),
  );
}

/** An object that has these members, whatever else it has: an instance of somebody else's class. */
export function having(takes: string, ...members: readonly string[]): Field {
  return field(
    takes,
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      members.every((member) => Reflect.get(value, member) !== undefined),
  );
}

export const manager = having('the EntityManager of a transaction', 'getRepository', 'connection');

export const signal = having('an AbortSignal', 'addEventListener', 'aborted');

/** A name of a bus, as outbox rows keep it. */
export const busName = matching(
  /^[A-Za-z0-9_-]{1,64}$/,
  'a name of 1 to 64 letters, digits, - and _',
);

/** A point in time: a Date, or a text that a Date reads. */
export const time = field(
  'a Date or an RFC 3339 time',
  (value) =>
    (value instanceof Date || typeof value === 'string') &&
    !Number.isNaN(new Date(value).getTime()),
);

/** The resource that an event is about. */
export const subject = having('{ resource, uuid }', 'resource', 'uuid');

/** A plain object whose keys are anything. */
export const plainObject = field('an object', isPlain);

/** A field that takes null too, for what a row may hold. */
export function nullable(given: Field): Field {
  return { ...given, misfit: (value) => (value === null ? undefined : given.misfit(value)) };
}

/** An option that must be given. */
export function required(given: Field): Field {
  return { ...given, required: true };
}

export function listOf(item: Field, least = 0): Field {
  const takes = `a list ${least > 0 ? `of at least ${least} ` : ''}of ${item.takes}`;
  return {
    takes,
    misfit: (value) => {
      if (!Array.isArray(value) || value.length < least) return { path: '', takes, value };
      for (let index = 0; index < value.length; index += 1) {
        const misfit = item.misfit(value[index]);
        if (misfit !== undefined) return { ...misfit, path: `[${index}]${misfit.path}` };
      }
      return undefined;
    },
  };
}

/** Any of several; a misfit deeper within one of them is told rather than all of them. */
export function either(...fields: readonly Field[]): Field {
  const takes = fields.map((each) => each.takes).join(', or ');
  return {
    takes,
    misfit: (value) => {
      const misfits = fields.map((each) => each.misfit(value));
      if (misfits.includes(undefined)) return undefined;
      const deep = misfits.find((misfit) => misfit !== undefined && misfit.path !== '');
      return deep ?? { path: '', takes, value };
    },
  };
}

/** An options object within another. */
export function options<T>(fields: Fields<T>): Field {
  const takes = 'an object of options';
  return {
    takes,
    misfit: (value) => {
      if (!isPlain(value)) return { path: '', takes, value };
      return misfitOf(fields, value);
    },
  };
}

/** The first option that does not exist or does not fit. Pure. */
export function misfitOf(
  fields: Readonly<Record<string, Field>>,
  given: object,
): Misfit | undefined {
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(fields, key))
      return { path: `.${key}`, takes: '', value: undefined, keys: Object.keys(fields) };
  }
  for (const [key, each] of Object.entries(fields)) {
    const value: unknown = Reflect.get(given, key);
    if (value === undefined && each.required !== true) continue;
    const misfit = each.misfit(value);
    if (misfit !== undefined) return { ...misfit, path: `.${key}${misfit.path}` };
  }
  return undefined;
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
