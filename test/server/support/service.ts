import { DataSource } from 'typeorm';
import { migrations } from '../../../src/persistence/migrations/migrations.js';
import {
  notificationService,
  type NotificationService,
  type NotificationServiceOptions,
} from '../../../src/server/notification-service.js';
import { freshDatabase, type TestDatabase } from '../../support/databases.js';
import { openStores } from './stores.js';

/** A running service on an empty database. */
export interface TestService extends AsyncDisposable {
  readonly service: NotificationService;
  readonly stores: ReturnType<typeof openStores>;
  readonly dataSource: DataSource;
  /** Publishes to the service as a relay would. */
  publish(event: { readonly id: string; readonly payload: string }): Promise<void>;
  call(
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly token?: string; readonly headers?: object },
  ): Promise<{ readonly status: number; readonly body: any; readonly response: Response }>; // oxlint-disable-line typescript/no-explicit-any
}

export async function startService(
  kind: TestDatabase = 'sqlite',
  options: Partial<NotificationServiceOptions> = {},
): Promise<TestService> {
  const database = await freshDatabase(kind);
  const dataSource = await new DataSource({
    ...database.options,
    migrations: [...migrations],
  }).initialize();
  await dataSource.runMigrations({ transaction: 'each' });
  const service = await notificationService({
    dataSource,
    anonymous: 'administrator',
    ...options,
    engine: { poll: 20, lease: 2000, ...options.engine },
  });
  await service.start();
  return {
    service,
    dataSource,
    stores: openStores(dataSource),
    async publish({ id, payload }) {
      await service.intake.publish({
        key: '',
        id,
        headers: {},
        contentType: 'application/cloudevents+json',
        body: Buffer.from(payload),
      });
    },
    async call(method, path, { body, token, headers = {} } = {}) {
      const response = await service.fetch(
        new Request(`http://127.0.0.1${path}`, {
          method,
          headers: {
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...headers,
          },
          ...(body === undefined
            ? {}
            : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        }),
      );
      const text =
        response.headers.get('content-type')?.includes('json') === true
          ? ((await response.json()) as unknown)
          : undefined;
      return { status: response.status, body: text, response };
    },
    async [Symbol.asyncDispose]() {
      await service.stop(0);
      await dataSource.destroy();
      await database.dispose();
    },
  };
}
