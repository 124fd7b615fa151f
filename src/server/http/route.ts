import type { TObject, TSchema } from 'typebox';
import type { Access, Principal } from '../access/access.js';
import type { Reply } from './problem.js';

/** A call as a handler receives it, checked. */
export interface Call {
  readonly principal: Principal | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body: unknown;
  readonly header: (name: string) => string | undefined;
  readonly url: string;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
}

/** One operation of the service: its router, its access and its documentation come from here. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With parameters as `{id}`. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly access: Access;
  readonly query?: TObject;
  /** JSON, unless `form` is set. */
  readonly body?: TSchema;
  readonly status: number;
  /** The media type of the answer. Default JSON. */
  readonly produces?: string;
  readonly handle: (call: Call) => Promise<Reply>;
}
