// #region api
import { createServer } from 'node:http';
import { once } from 'node:events';
import {
  ConflictError,
  type EventOf,
  RefusedError,
  SignalboxError,
  UnavailableError,
} from 'signalbox';
import { open } from './open.js';
import { Volume, type volumeLifecycle } from './volume.js';

const { signalbox, close } = await open();

/** `POST /volumes?sizeGib=5` creates a volume; `POST /volumes/<uuid>/<event>` drives it. */
async function answer(path: string, query: URLSearchParams): Promise<unknown> {
  const [, , uuid, event] = path.split('/');
  if (uuid === undefined || event === undefined) {
    return signalbox.create(Volume, { sizeGib: Number(query.get('sizeGib') ?? 1) });
  }
  // What is no event of the lifecycle is refused like what is not lawful now.
  return signalbox.transition(Volume, uuid, event as EventOf<typeof volumeLifecycle>, {
    actor: 'tutorial',
  });
}

function statusOf(error: unknown): number {
  if (error instanceof RefusedError) return error.code === 'UNKNOWN_RESOURCE' ? 404 : 422;
  if (error instanceof ConflictError) return 409; // read again
  return error instanceof UnavailableError ? 503 : 500; // 503: retry later
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  answer(pathname, searchParams).then(
    (body) => response.end(JSON.stringify(body)),
    (error: unknown) => {
      const { code, message } =
        error instanceof SignalboxError ? error : { code: 'INTERNAL', message: 'see the log' };
      response.statusCode = statusOf(error);
      response.end(JSON.stringify({ code, message }));
    },
  );
});
server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1');
await once(server, 'listening');
console.log(`listening on ${JSON.stringify(server.address())}`);

process.once('SIGTERM', () => {
  server.close();
  void close();
});
// #endregion
