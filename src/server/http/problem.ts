import { errorClasses } from '../../core/errors/codes.js';
import { SignalboxError } from '../../core/errors/errors.js';

/** An answer of the service. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, text, or a stream. */
  readonly body?: unknown;
}

/** A fault of a request, as RFC 9457 tells it. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Refused',
  500: 'Fault of the service',
  503: 'Unavailable',
};

/** Pure. What a caller is told of an error; of a fault of the service no more than that it was one. */
export function problemReply(error: unknown): Reply {
  const { status, code, detail, headers } = told(error);
  return {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
    body: JSON.stringify({
      type: 'about:blank',
      title: titles[status] ?? 'Fault',
      status,
      code,
      detail,
    }),
  };
}

function told(error: unknown): {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
} {
  if (error instanceof Problem) {
    const { status, code, message: detail, headers } = error;
    return { status, code, detail, headers };
  }
  if (error instanceof SignalboxError) {
    const { code, message: detail } = error;
    if (code === 'ENDPOINT_UNKNOWN') return { status: 404, code, detail };
    if (code === 'ENDPOINT_EXISTS') return { status: 409, code, detail };
    const { httpStatus } = Object.entries(errorClasses).find(
      ([name]) => name === error.name,
    )?.[1] ?? {
      httpStatus: 500,
    };
    // What is away may be named in the message of its driver.
    return httpStatus < 500
      ? { status: httpStatus, code, detail }
      : { status: 503, code, detail: 'The service cannot answer now. Try again later.' };
  }
  return { status: 500, code: 'INTERNAL', detail: 'The service has a fault; its log tells more.' };
}
