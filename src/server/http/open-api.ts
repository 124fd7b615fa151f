import type { Route } from './route.js';

/** Pure. The OpenAPI 3.1 document of a route table. */
export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Signalbox notification service',
      version,
      description: 'Events of resources by webhooks, streams and queries.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Problem: {
          type: 'object',
          required: ['type', 'title', 'status', 'code', 'detail'],
          properties: {
            type: { type: 'string' },
            title: { type: 'string' },
            status: { type: 'integer' },
            code: { type: 'string' },
            detail: { type: 'string' },
          },
        },
      },
    },
  };
}

function operationOf(route: Route): object {
  const { operation, summary, access, path, query, body, status, produces } = route;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: query?.required?.includes(name) ?? false,
    schema: plain(schema),
  }));
  const parameters = [...inPath, ...inQuery];
  return {
    operationId: operation,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: { required: true, content: { 'application/json': { schema: plain(body) } } },
        }),
    responses: {
      [status]: {
        description: summary,
        ...(status === 204
          ? {}
          : { content: { [produces ?? 'application/json']: { schema: {} } } }),
      },
      default: {
        description: 'Why it was not done (RFC 9457).',
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    },
    security: access === 'public' ? [] : [{ bearer: [] }],
    ...(access === 'public' ? {} : { 'x-scope': access }),
  };
}

/** Schemas as JSON, without what is for their compiler. */
function plain(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema)) as unknown;
}
