/** A plain JSON value. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A plain JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue };
