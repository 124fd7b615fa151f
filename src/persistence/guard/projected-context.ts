import type { EntityMetadata } from 'typeorm';
import type { EmbeddedMetadata } from 'typeorm/metadata/EmbeddedMetadata.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { ResourceBinding } from '../resource/binding.js';

/** An entity whose guards are to be asked. */
export interface JudgedEntity {
  readonly entity: object;
  /** Loaded by Signalbox through `contextNeeds`, or by the caller of `send`. */
  readonly loadedBy: 'signalbox' | 'caller';
  /** It was created here and never read: what it does not have, its row does not have. Default false. */
  readonly complete?: boolean;
}

/**
 * Projects the context of an entity and hands it to `judge`. Throws ConfigurationError
 * CONTEXT_NOT_LOADED where the projection, or a guard behind it, reads a relation or a column that was
 * not loaded: undefined would be taken for absent. That holds also where the error was caught.
 */
export function withContext<T>(
  binding: ResourceBinding,
  judged: JudgedEntity | undefined,
  judge: (context: unknown) => T,
): T {
  if (binding.context === undefined || judged === undefined) {
    return judge(binding.unprojected);
  }
  const watch = new LoadedWatch(binding, judged.loadedBy);
  const shown =
    judged.complete === true
      ? judged.entity
      : watch.over(judged.entity, binding.metadata.findInheritanceMetadata(judged.entity));
  try {
    const context = binding.context(shown);
    refuseNoContext(binding, context);
    return judge(context);
  } finally {
    // Also where the projection caught it: what it answered rests on nothing.
    watch.assertLoaded();
  }
}

function refuseNoContext({ resource, entity }: ResourceBinding, context: unknown): void {
  const promise = typeof (context as { then?: unknown } | null)?.then === 'function';
  if (context != null && !promise) {
    return;
  }
  throw new ConfigurationError(
    'CONTEXT_INVALID',
    promise
      ? `The context projection of ${entity.name} returned a promise. Return the context itself: guards are not awaited.`
      : `The context projection of ${entity.name} returned ${String(context)}. Return an object for the guards to read.`,
    { parameters: { resource, entity: entity.name } },
  );
}

interface Part {
  readonly kind: 'column' | 'relation' | 'lazy' | 'embedded';
  /** Hydrated by a transformer, which may have made it undefined. */
  readonly transformed: boolean;
  readonly inner?: Shape;
}

/** An entity or an embedded object. */
type Shape = EntityMetadata | EmbeddedMetadata;

const partsOf = new WeakMap<Shape, ReadonlyMap<string, Part>>();

/** Shows entities such that reading what was not loaded throws. */
class LoadedWatch {
  readonly #binding: ResourceBinding;
  readonly #loadedBy: JudgedEntity['loadedBy'];
  readonly #shown = new WeakMap<object, object>();
  #refused: Error | undefined;

  constructor(binding: ResourceBinding, loadedBy: JudgedEntity['loadedBy']) {
    this.#binding = binding;
    this.#loadedBy = loadedBy;
  }

  /** Throws again what was thrown first, if anything was. */
  assertLoaded(): void {
    if (this.#refused !== undefined) {
      throw this.#refused;
    }
  }

  over<TObject extends object>(object: TObject, shape: Shape, path = ''): TObject {
    const known = this.#shown.get(object);
    if (known !== undefined) {
      return known as TObject;
    }
    const parts = partsOfShape(shape);
    const missing = (property: string): boolean => isMissing(object, property, parts);
    const shown = new Proxy(object, {
      get: (target, property, receiver) => {
        if (typeof property === 'string' && missing(property)) {
          this.#refuse(path, property, parts);
        }
        const value: unknown = readThrough(target, property, receiver);
        const inner = typeof property === 'string' ? parts.get(property)?.inner : undefined;
        return inner === undefined
          ? value
          : this.#inside(value, inner, `${path}${String(property)}.`);
      },
      has: (target, property) => {
        if (typeof property === 'string' && missing(property)) {
          this.#refuse(path, property, parts);
        }
        return Reflect.has(target, property);
      },
      getOwnPropertyDescriptor: (target, property) => {
        if (typeof property === 'string' && missing(property)) {
          this.#refuse(path, property, parts);
        }
        return Reflect.getOwnPropertyDescriptor(target, property);
      },
      // A copy of everything would lack what was not loaded without a word.
      ownKeys: (target) => {
        const first = [...parts.keys()].find(missing);
        if (first !== undefined) {
          this.#refuse(path, first, parts);
        }
        return Reflect.ownKeys(target);
      },
    });
    this.#shown.set(object, shown);
    return shown;
  }

  #inside(value: unknown, shape: Shape, path: string): unknown {
    if (Array.isArray(value)) {
      return value.map((each: unknown) => this.#inside(each, shape, path));
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    const own = 'findInheritanceMetadata' in shape ? shape.findInheritanceMetadata(value) : shape;
    return this.over(value, own, path);
  }

  #refuse(path: string, property: string, parts: ReadonlyMap<string, Part>): never {
    const kind = parts.get(property)?.kind;
    this.#refused ??= notLoaded(this.#binding, this.#loadedBy, `${path}${property}`, kind);
    throw this.#refused;
  }
}

function isMissing(object: object, property: string, parts: ReadonlyMap<string, Part>): boolean {
  const part = parts.get(property);
  if (part === undefined) {
    return false;
  }
  if (part.kind === 'lazy') {
    return true;
  }
  const value: unknown = Reflect.get(object, property);
  return value === undefined && !(part.transformed && Object.hasOwn(object, property));
}

/** Accessors and methods see the watched entity, but for those of private fields, which only the entity has. */
function readThrough(target: object, property: string | symbol, receiver: unknown): unknown {
  try {
    const value: unknown = Reflect.get(target, property, receiver);
    if (typeof value !== 'function' || Object.hasOwn(target, property)) {
      return value;
    }
    return function (this: unknown, ...given: unknown[]): unknown {
      try {
        return Reflect.apply(value, this, given);
      } catch (error) {
        if (this === receiver && isPrivateRead(error)) {
          return Reflect.apply(value, target, given);
        }
        throw error;
      }
    };
  } catch (error) {
    if (isPrivateRead(error)) {
      return Reflect.get(target, property, target);
    }
    throw error;
  }
}

function isPrivateRead(error: unknown): boolean {
  return (
    error instanceof TypeError &&
    /private (?:member|field|method)|accessor .* not found/i.test(error.message)
  );
}

function partsOfShape(shape: Shape): ReadonlyMap<string, Part> {
  const known = partsOf.get(shape);
  if (known !== undefined) {
    return known;
  }
  const parts = new Map<string, Part>();
  for (const embedded of shape.embeddeds) {
    parts.set(embedded.propertyName, { kind: 'embedded', transformed: false, inner: embedded });
  }
  for (const column of 'ownColumns' in shape ? shape.ownColumns : shape.columns) {
    // The join column of a relation has the relation's property.
    if (!column.isVirtual && !column.isDiscriminator && isDeclaredFor(shape, column.target)) {
      parts.set(column.propertyName, {
        kind: 'column',
        transformed: column.transformer !== undefined,
      });
    }
  }
  for (const relation of 'ownRelations' in shape ? shape.ownRelations : shape.relations) {
    if (isDeclaredFor(shape, relation.target)) {
      parts.set(relation.propertyName, {
        kind: relation.isLazy ? 'lazy' : 'relation',
        transformed: false,
        inner: relation.inverseEntityMetadata,
      });
    }
  }
  partsOf.set(shape, parts);
  return parts;
}

/** The parent of a table inheritance has the columns of its children too, its entities have not. */
function isDeclaredFor(shape: Shape, declaring: unknown): boolean {
  if (
    !('target' in shape) ||
    typeof shape.target !== 'function' ||
    typeof declaring !== 'function'
  ) {
    return true;
  }
  return shape.target === declaring || shape.target.prototype instanceof declaring;
}

function notLoaded(
  { resource, entity }: ResourceBinding,
  loadedBy: JudgedEntity['loadedBy'],
  path: string,
  kind: Part['kind'] | undefined,
): ConfigurationError {
  const what = kind === 'relation' || kind === 'lazy' ? `the relation '${path}'` : `'${path}'`;
  const declare =
    kind === 'relation'
      ? `contextNeeds: { relations: { ${path.replaceAll('.', ': { ')}: true${' }'.repeat(path.split('.').length)} }`
      : `contextNeeds: { columns: ['${path}'] }`;
  const remedy =
    kind === 'lazy'
      ? 'It is lazy, and a context cannot await it: declare it without lazy, or read a column instead.'
      : loadedBy === 'caller'
        ? `Read the entity with it before send(), or set it.`
        : `Declare it: ${declare}.`;
  return new ConfigurationError(
    'CONTEXT_NOT_LOADED',
    `The context projection of ${entity.name} reads ${what}, which was not loaded, and must not be taken for absent. ${remedy}`,
    { parameters: { resource, entity: entity.name, path } },
  );
}
