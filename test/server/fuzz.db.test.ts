import fc from 'fast-check';
import { expect, it } from 'vitest';
import { startService } from './support/service.js';
import { newEvent } from './support/stores.js';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', '\0', '%00', "' OR 1=1 --", '%', '../..', '9'.repeat(400), 'null', '*.#'),
);
const body = fc.oneof(
  fc.json({ maxDepth: 4 }),
  text,
  fc
    .record({ address: text, settings: fc.object({ maxDepth: 3 }) })
    .map((each) => JSON.stringify(each)),
  fc.record({ ids: fc.array(text), status: text }).map((each) => JSON.stringify(each)),
);
const encoded = (value: string): string => encodeURIComponent(value);

it.each(['sqlite', 'postgres', 'mariadb'] as const)(
  'on %s no request ends in a fault, shows another tenant’s data or stores anything',
  async (kind) => {
    await using test = await startService(kind, { anonymous: 'nobody' });
    const { token } = await test.service.tokens.create({
      name: 'fuzz',
      owner: { account: 'fuzz', domain: '', reach: 'local' },
      scopes: ['read', 'subscribe'],
      expiresIn: null,
    });
    await test.publish(
      newEvent({ account: 'acme', data: { status: 'Completed', description: 'hidden' } }),
    );
    const { body: document } = await test.call('GET', '/openapi.json');
    const operations = Object.entries(document.paths as Record<string, Record<string, object>>)
      .flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
      )
      .filter(([, path]) => path !== '/events/stream');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...operations),
        fc.array(text, { minLength: 3, maxLength: 3 }),
        fc.dictionary(
          fc.constantFrom('limit', 'after', 'marker', 'uuid', 'type', 'status', 'x'),
          text,
        ),
        body,
        fc.boolean(),
        async ([method, path], parts, query, content, isJson) => {
          let index = 0;
          const filled = path.replaceAll(/\{\w+\}/g, () => encoded(parts[index++] ?? 'x') || 'x');
          const search = Object.entries(query).map(([name, value]) => `${name}=${encoded(value)}`);
          const { status, body: answer } = await test.call(
            method,
            `${filled}?${search.join('&')}`,
            {
              token,
              ...(method === 'GET' || method === 'DELETE' ? {} : { body: content }),
              headers: isJson ? {} : { 'content-type': 'text/plain' },
            },
          );
          expect(status).toBeLessThan(500);
          expect(JSON.stringify(answer ?? '')).not.toContain('hidden');
        },
      ),
      { numRuns: 400 },
    );
    const rows = await test.dataSource.query('SELECT id FROM signalbox_endpoint');
    expect(rows).toEqual([]);
  },
);
