import { createRequire } from 'node:module';

type OpenTelemetry = typeof import('@opentelemetry/api');

let found: { readonly api: OpenTelemetry | undefined } | undefined;

/**
 * The OpenTelemetry API, or undefined where it is not installed: then nobody has registered anything to
 * report to. Looked for once, when it is first needed.
 */
export function openTelemetry(): OpenTelemetry | undefined {
  found ??= { api: installed(createRequire(import.meta.url)) };
  return found.api;
}

/** What `require` finds for the API, or undefined for nothing. Throws what loading it throws. */
export function installed(require: (name: string) => unknown): OpenTelemetry | undefined {
  try {
    return require('@opentelemetry/api') as OpenTelemetry;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
