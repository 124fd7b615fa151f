import type { TestProject } from 'vitest/node';
import { provideServices, type ProvidedServices } from '../../scripts/servers/provide.js';
import { serviceNames, services, type ServiceUrls } from '../../scripts/servers/service.js';

declare module 'vitest' {
  interface ProvidedContext {
    services: ServiceUrls;
  }
}

// Vitest loads this file once for each project that needs servers; they share one set.
const shared = globalThis as { signalboxTestServices?: Promise<ProvidedServices> };

/** Provides the servers once for all projects that need them, and stops what it started. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.signalboxTestServices ??= provideServices({
    log: (line) => console.log(`services: ${line}`),
  });
  const provided = await shared.signalboxTestServices;
  project.provide('services', provided.urls);
  // Child processes of tests find the same servers under these names.
  for (const name of serviceNames) process.env[services[name].variable] = provided.urls[name];
  return () => provided.stop();
}
