import type { JsonObject, JsonValue } from './json.js';

/**
 * The part of JSON Schema 2020-12 that the schemas of events use. Schemas are written as constants
 * (`as const satisfies JsonSchema`): one definition gives the published document, the static type
 * (`FromSchema`) and, compiled by TypeBox, the run-time check (`validateEvent`).
 *
 * Objects are open: a property that the schema does not name is allowed, so that a consumer of today
 * reads the event of tomorrow.
 */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: JsonTypeName | readonly JsonTypeName[];
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly format?: 'date-time';
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  /** Of each item of an array. */
  readonly items?: JsonSchema;
  /** Of each property that the schema does not name. */
  readonly additionalProperties?: JsonSchema;
}

export type JsonTypeName =
  'string' | 'number' | 'integer' | 'boolean' | 'null' | 'object' | 'array';

/** The static type of the values that a constant schema accepts. */
export type FromSchema<S> = S extends { readonly const: infer C }
  ? C
  : S extends { readonly enum: readonly (infer E)[] }
    ? E
    : S extends { readonly properties: infer P; readonly required: readonly (infer R)[] }
      ? FromProperties<P, R>
      : S extends { readonly properties: infer P }
        ? FromProperties<P, never>
        : S extends { readonly items: infer I }
          ? readonly FromSchema<I>[]
          : S extends { readonly type: readonly (infer T)[] }
            ? FromTypeName<T>
            : S extends { readonly type: infer T }
              ? FromTypeName<T>
              : never;

// Two mapped types over the keys of P itself, which is what keeps the documentation of each property.
type FromProperties<P, R> = Flat<
  { readonly [K in keyof P as K extends R ? K : never]: FromSchema<P[K]> } & {
    readonly [K in keyof P as K extends R ? never : K]?: FromSchema<P[K]>;
  }
>;

type Flat<T> = { [K in keyof T]: T[K] } & {};

type FromTypeName<T> = T extends 'string'
  ? string
  : T extends 'number' | 'integer'
    ? number
    : T extends 'boolean'
      ? boolean
      : T extends 'null'
        ? null
        : T extends 'object'
          ? JsonObject
          : T extends 'array'
            ? readonly JsonValue[]
            : never;
