import { createRequire } from 'node:module';

// By name, since how deep this code lies is for the build to choose.
const manifest = 'signalbox/package.json';

/** The version of this package, as `package.json` tells it. */
export function packageVersion(): string {
  return (createRequire(import.meta.url)(manifest) as { version: string }).version;
}

/** The path of this package's `package.json`. */
export function packageManifest(): string {
  return createRequire(import.meta.url).resolve(manifest);
}
