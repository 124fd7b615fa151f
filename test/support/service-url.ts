import { inject } from 'vitest';
import type { ServiceName } from '../../scripts/servers/service.js';

/**
 * The URL of a server that the global setup provides. Throws in a test file whose level needs no server:
 * name the file `*.db.test.ts`, `*.bus.test.ts`, `*.e2e.test.ts` or `*.faults.test.ts`.
 */
export function serviceUrl(service: ServiceName): string {
  const urls = inject('services');
  if (urls === undefined) {
    throw new Error(
      `${service} is provided to *.{db,bus,e2e,faults}.test.ts only: rename the file`,
    );
  }
  return urls[service];
}
