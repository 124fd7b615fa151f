import type { TestProject } from 'vitest/node';
import { provideServices } from '../../scripts/servers/provide.js';
import { serviceNames, services, type ServiceUrls } from '../../scripts/servers/service.js';

declare module 'vitest' {
  interface ProvidedContext {
    services: ServiceUrls;
  }
}

/** Provides the servers once for all projects that need them, and stops what it started. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const provided = await provideServices({ log: (line) => console.log(`services: ${line}`) });
  project.provide('services', provided.urls);
  // The next project, and child processes of tests, find the same servers under these names.
  for (const name of serviceNames) process.env[services[name].variable] = provided.urls[name];
  return () => provided.stop();
}
