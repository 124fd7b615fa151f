import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorClasses, errorCodes, type ErrorClass } from '../../../src/core/errors/codes.js';
import {
  ClosedError,
  ConfigurationError,
  ConflictError,
  DefinitionError,
  OutcomeUnknownError,
  RefusedError,
  SignalboxError,
  UnavailableError,
} from '../../../src/core/errors/errors.js';
import { MethodFailedError, ServiceError } from '../../../src/outside/rpc/service-error.js';

const root = resolve(import.meta.dirname, '../../..');

const classes = Object.entries(errorClasses) as readonly (readonly [
  ErrorClass,
  (typeof errorClasses)[ErrorClass],
])[];

/** One error of each class. */
const instances: Readonly<Record<ErrorClass, SignalboxError>> = {
  RefusedError: RefusedError.of('UNKNOWN_RESOURCE', 'none'),
  ConflictError: new ConflictError('REVISION_CONFLICT', 'late'),
  UnavailableError: new UnavailableError('BUS_UNAVAILABLE', 'away'),
  OutcomeUnknownError: new OutcomeUnknownError('OUTCOME_UNKNOWN', 'who knows'),
  ClosedError: new ClosedError('CLOSED', 'closed'),
  MethodFailedError: new MethodFailedError('METHOD_FAILED', 'failed'),
  DefinitionError: new DefinitionError('Volume', [
    { code: 'FAULT_NAME', message: 'no name', parameters: {} },
  ]),
  ConfigurationError: new ConfigurationError('CONFIG_VALUE_INVALID', 'wrong'),
};

/** Every source that may make an error, apart from the table itself. */
const sources: readonly (readonly [file: string, text: string])[] = ['src', 'machines'].flatMap(
  (folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((file) => file.endsWith('.ts') && file !== 'src/core/errors/codes.ts')
      .map((file) => [file, readFileSync(join(root, file), 'utf8')] as const),
);

const classOf = new Map(
  classes.flatMap(([name, { codes }]) => Object.keys(codes).map((code) => [code, name] as const)),
);

describe('the table', () => {
  test('has every code under exactly one class', () => {
    const all = classes.flatMap(([, { codes }]) => Object.keys(codes));
    expect(all.filter((code, index) => all.indexOf(code) !== index)).toEqual([]);
    expect(Object.keys(errorCodes)).toEqual(all);
  });

  test('says in whole sentences what to do', () => {
    const texts = classes.flatMap(([name, { remedy, codes }]) => [
      [name, remedy],
      ...Object.entries(codes),
    ]);
    for (const [name, remedy] of texts) expect(remedy, name).toMatch(/^[A-Z].*\.$/);
    for (const code of classOf.keys()) expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
  });

  test('is used: no code of it is made nowhere', () => {
    const used = new Set(
      sources.flatMap(([, text]) =>
        [...text.matchAll(/['"`]([A-Z][A-Z_]{3,})['"`]/g)].map(([, word = '']) => word),
      ),
    );
    expect([...classOf.keys()].filter((code) => !used.has(code))).toEqual([]);
  });
});

describe('a class', () => {
  test.each(classes)('%s is retryable as the table says, whatever its code', (name, row) => {
    const error = instances[name];
    expect(error).toMatchObject({ name, retryable: row.retryable });
    expect(error.constructor.name).toBe(name);
    // The class alone must tell a caller what to do.
    expect(Object.keys(row.codes)).toContain(error.code);
    for (const [other, { prototype }] of Object.entries({
      RefusedError,
      ConflictError,
      UnavailableError,
      OutcomeUnknownError,
      ClosedError,
      MethodFailedError,
      DefinitionError,
      ConfigurationError,
    }))
      // prettier-ignore
      expect(Object.prototype.isPrototypeOf.call(prototype, error)).toBe(other === name);
  });

  test('says that retrying helps exactly where nothing was done and waiting or reading again mends it', () => {
    expect(classes.filter(([, { retryable }]) => retryable).map(([name]) => name)).toEqual([
      'ConflictError',
      'UnavailableError',
    ]);
  });

  test('that extends one of ours is in the table', () => {
    const ours = ['SignalboxError', ...Object.keys(errorClasses)].join('|');
    const declared = sources.flatMap(([, text]) =>
      [...text.matchAll(new RegExp(`class (\\w+) extends (?:${ours})\\b`, 'g'))].map(
        ([, name = '']) => name,
      ),
    );
    expect(declared.toSorted()).toEqual(Object.keys(errorClasses).toSorted());
  });

  test('of a service carries codes of its own, so it says itself whether retrying helps', () => {
    expect(new ServiceError('BUSY', 'busy').retryable).toBe(false);
    expect(new ServiceError('BUSY', 'busy', { retryable: true }).retryable).toBe(true);
  });
});

describe('every place that makes an error', () => {
  const made = sources.flatMap(([at, text]) =>
    [...text.matchAll(/(?:\bnew (\w+Error)|\b(RefusedError)\.of)\(\s*([^,)\s]+)/g)].map(
      ([, name, refused, code = '']) => ({ of: name ?? refused ?? '', code, at }),
    ),
  );
  const ours = made.filter(({ of }) => Object.hasOwn(errorClasses, of));

  test('gives a code of its class', () => {
    const literal = ours.filter(({ code }) => /^'[A-Z_]+'$/.test(code));
    expect(literal.length).toBeGreaterThan(150);
    expect(literal.filter(({ of, code }) => classOf.get(code.slice(1, -1)) !== of)).toEqual([]);
  });

  test('writes the code there, or passes one on that its type holds to the class', () => {
    const passed = ours.filter(({ code }) => !/^'[A-Z_]+'$/.test(code));
    expect([...new Set(passed.map(({ at }) => basename(at)))].toSorted()).toEqual([
      'check-options.ts',
      'error-wire.ts',
      'errors.ts',
      'event-invalid.ts',
      'explain.ts',
      'faults.ts',
      'opening-error.ts',
      'plan.ts',
    ]);
  });
});

describe('docs/errors.md', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  const sections = page.split(/^## /m).slice(2);

  test('has a section for each class, with its remedy and its codes and no others', () => {
    const read = sections.map((section) => ({
      name: /: (\w+)\n/.exec(section)?.[1],
      codes: [...section.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code]) => code),
    }));
    expect(read).toEqual(classes.map(([name, { codes }]) => ({ name, codes: Object.keys(codes) })));
  });

  test('says of each class whether it is retryable', () => {
    for (const [name, { retryable, httpStatus, remedy }] of classes) {
      expect(page).toContain(
        `| \`${name}\` | ${remedy} | ${retryable ? 'yes' : 'no'} | ${httpStatus} |`,
      );
    }
  });
});
