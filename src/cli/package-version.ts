import { createRequire } from 'node:module';

/** The version of this package, as `package.json` tells it. */
export function packageVersion(): string {
  // By name, since how deep this code lies is for the build to choose.
  const manifest = createRequire(import.meta.url)('signalbox/package.json') as { version: string };
  return manifest.version;
}
