import { join } from 'node:path';

type OpenTelemetry = typeof import('@opentelemetry/api');

let found: { readonly api: OpenTelemetry | undefined } | undefined;

/**
 * The OpenTelemetry API, or undefined where it is not installed: then nobody has registered anything to
 * report to. Looked for once, when it is first needed.
 */
export function openTelemetry(): OpenTelemetry | undefined {
  // A bundle in CommonJS has no `import.meta.url`: then the package is looked for beside the program.
  const from = (import.meta.url as string | undefined) ?? join(process.cwd(), 'index.js');
  // Not imported: webpack replaces an imported `createRequire` by one that finds nothing outside the bundle.
  const { createRequire } = process.getBuiltinModule('node:module');
  found ??= { api: installed(createRequire(from)) };
  return found.api;
}

/** Loads the API with `require`; undefined when it is not installed. Throws what loading it throws. */
export function installed(require: (name: string) => unknown): OpenTelemetry | undefined {
  try {
    return require('@opentelemetry/api') as OpenTelemetry;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
