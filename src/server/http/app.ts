import { Compile } from 'typebox/schema';
import type { Hono } from 'hono';
import { ConfigurationError } from '../../core/errors/errors.js';
import { type Authenticator, mayUse } from '../access/access.js';
import { Problem, problemReply, type Reply } from './problem.js';
import type { Call, Route } from './route.js';

/** Parts of the application. */
export interface AppOptions {
  readonly routes: readonly Route[];
  readonly authenticator: Authenticator;
  /** Called with faults of the service, which callers are not told. */
  readonly onFault: (error: unknown) => void;
}

/** Bytes of a request's body. */
const maxBody = 256 * 1024;

/**
 * Makes the application of a route table. Every request passes through here: who calls, whether that is
 * allowed, and whether parameters and body fit, before a handler sees it. Rejects with ConfigurationError
 * DRIVER_MISSING where hono is not installed.
 */
export async function createApp({ routes, authenticator, onFault }: AppOptions): Promise<Hono> {
  const hono = await import('hono').catch((cause: unknown) => {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      "The HTTP service needs the package hono. Run 'npm install hono @hono/node-server'.",
      { parameters: { package: 'hono' }, cause },
    );
  });
  const app = new hono.Hono();
  for (const route of routes) {
    const answer = handlerOf(route, authenticator);
    app.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ':$1'), async (context) =>
      responseOf(await answer(context.req.raw, context.req.param())),
    );
  }
  app.notFound((context) => {
    const allowed = routes.filter(({ path }) => samePath(path, context.req.path));
    const problem =
      allowed.length === 0
        ? new Problem(404, 'NOT_FOUND', 'There is nothing at this path. See /openapi.json.')
        : new Problem(405, 'METHOD_NOT_ALLOWED', 'The path does not take this method.', {
            allow: allowed.map(({ method }) => method).join(', '),
          });
    return responseOf(problemReply(problem));
  });
  app.onError((error) => {
    const reply = problemReply(error);
    if (reply.status >= 500) onFault(error);
    return responseOf(reply);
  });
  return app;
}

function samePath(path: string, given: string): boolean {
  const [words, others] = [path.split('/'), given.split('/')];
  return (
    words.length === others.length &&
    words.every((word, index) => word.startsWith('{') || word === others[index])
  );
}

function responseOf({ status, headers = {}, body }: Reply): Response {
  const isRaw = typeof body === 'string' || body instanceof ReadableStream || body === undefined;
  return new Response(isRaw ? (body ?? null) : JSON.stringify(body), {
    status,
    headers: { ...(isRaw ? {} : { 'content-type': 'application/json' }), ...headers },
  });
}

type Parameters = Readonly<Record<string, string | undefined>>;

function handlerOf(route: Route, authenticator: Authenticator) {
  const checkQuery = route.query === undefined ? undefined : Compile(route.query);
  const checkBody = route.body === undefined ? undefined : Compile(route.body);
  return async (request: Request, parameters: Parameters): Promise<Reply> => {
    const principal =
      route.access === 'public'
        ? undefined
        : await authenticator.authenticate(request.headers.get('authorization') ?? undefined);
    if (!mayUse(route.access, principal)) {
      throw principal === undefined
        ? new Problem(401, 'NOT_AUTHENTICATED', 'Send a valid token: Authorization: Bearer …', {
            'www-authenticate': 'Bearer',
          })
        : new Problem(
            403,
            'NOT_ALLOWED',
            `The token has no scope for this: it takes ${route.access}.`,
          );
    }
    const query = queryOf(route, request);
    const [queryFits, queryFaults] = checkQuery?.Errors(query) ?? [true, []];
    if (!queryFits) throw misfit('query', queryFaults);
    const body = checkBody === undefined ? undefined : await bodyOf(request);
    const [bodyFits, bodyFaults] = checkBody?.Errors(body) ?? [true, []];
    if (!bodyFits) throw misfit('body', bodyFaults);
    const call: Call = {
      principal,
      parameters: parameters as Readonly<Record<string, string>>,
      query,
      body,
      header: (name) => request.headers.get(name) ?? undefined,
      url: request.url,
      signal: request.signal,
    };
    return route.handle(call);
  };
}

/** Parameters that the route knows, in their types; others are ignored. */
function queryOf(route: Route, request: Request): Call['query'] {
  const given = new URL(request.url).searchParams;
  const query: Record<string, string | number | boolean> = {};
  for (const [name, schema] of Object.entries(route.query?.properties ?? {})) {
    const text = given.get(name);
    if (text === null) continue;
    const { type } = schema as { readonly type?: string };
    if (type === 'integer') query[name] = /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    else if (type === 'boolean')
      query[name] = text === 'true' ? true : text === 'false' ? false : text;
    else query[name] = text;
  }
  return query;
}

async function bodyOf(request: Request): Promise<unknown> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  const text = await boundedText(request);
  if (text === '') return {};
  if (type !== 'application/json')
    throw new Problem(415, 'UNSUPPORTED_MEDIA_TYPE', 'The body is application/json.');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Problem(400, 'BODY_NOT_JSON', 'The body is not JSON.');
  }
}

async function boundedText(request: Request): Promise<string> {
  const tooLarge = new Problem(413, 'BODY_TOO_LARGE', `The body is at most ${maxBody} bytes.`);
  if (Number(request.headers.get('content-length') ?? 0) > maxBody) throw tooLarge;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    const bytes = part as Uint8Array;
    size += bytes.byteLength;
    if (size > maxBody) throw tooLarge;
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString('utf8');
}

function misfit(
  where: 'query' | 'body',
  faults: readonly { readonly instancePath: string; readonly message: string }[],
): Problem {
  const [fault] = faults.toSorted((a, b) => b.instancePath.length - a.instancePath.length);
  const path = fault?.instancePath.slice(1).replaceAll('/', '.').slice(0, 200) ?? '';
  return new Problem(
    400,
    `${where.toUpperCase()}_INVALID`,
    `${where === 'query' ? 'A parameter' : 'The body'}${path === '' ? '' : `, '${path}',`} ${fault?.message ?? 'does not fit'}.`,
  );
}
