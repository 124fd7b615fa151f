import {
  describeLifecycle,
  type LifecycleDescription,
} from '../core/lifecycle/describe-lifecycle.js';
import { isDescription } from './is-description.js';
import { loadLifecycle } from './load-lifecycle.js';
import { readJson } from './read-json.js';

/**
 * Finds a lifecycle as `loadLifecycle` does, or reads one that `signalbox machine --format json`
 * printed. Rejects with ConfigurationError ARGUMENT_INVALID.
 */
export async function loadDescription(nameOrPath: string): Promise<LifecycleDescription> {
  if (!nameOrPath.endsWith('.json')) return describeLifecycle(await loadLifecycle(nameOrPath));
  const value = await readJson(nameOrPath);
  return isDescription(value) ? value : describeLifecycle(await loadLifecycle(nameOrPath));
}
