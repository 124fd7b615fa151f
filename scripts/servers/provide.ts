import { composeUp, composeWorks } from './compose.js';
import { canInstall, installPackages } from './debian.js';
import { killInstance, runningInstances, startInstance, stopInstance } from './instance.js';
import type { Instance } from './instance.js';
import { login } from './login.js';
import { isInstalled } from './programs.js';
import { recipes } from './recipes.js';
import { maskUrl, serviceNames, services, type ServiceName, type ServiceUrls } from './service.js';

/** A server that lets us in, and where it comes from. */
export interface FoundService {
  readonly url: string;
  readonly version: string;
  readonly source: string;
}

export interface ProvideOptions {
  /**
   * `auto` (default) takes servers that are reachable, then containers, then private instances;
   * `private` starts private instances whatever else there is. `SIGNALBOX_SERVICES` sets it.
   */
  readonly mode?: 'auto' | 'private';
  /** Private instances outlive this process, until `scripts/services down`. Default false. */
  readonly keep?: boolean;
  readonly log?: (line: string) => void;
}

export interface ProvidedServices {
  readonly urls: ServiceUrls;
  /** Stops the private instances that this call started; nothing else. Safe to call twice. */
  stop(): Promise<void>;
}

/** At least one server is missing and there is no way to provide it here. */
export class ServicesMissingError extends Error {}

/** Finds or starts every server. Rejects with ServicesMissingError, which says what is missing and why. */
export async function provideServices({
  mode = process.env['SIGNALBOX_SERVICES'] === 'private' ? 'private' : 'auto',
  keep = false,
  log = () => {},
}: ProvideOptions = {}): Promise<ProvidedServices> {
  const urls: Partial<Record<ServiceName, string>> = {};
  const started: Instance[] = [];
  const reasons: string[] = [];
  const missing = () => serviceNames.filter((service) => urls[service] === undefined);
  const takeReachable = async () => {
    for (const service of missing()) {
      const found = await findService(service);
      if (found === undefined) continue;
      urls[service] = found.url;
      log(`${services[service].title} ${found.version}: ${found.source}`);
    }
  };
  const attempt = async (what: string, action: () => Promise<void>) => {
    await action().catch((error: unknown) => {
      reasons.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    });
  };

  if (mode === 'auto') {
    await takeReachable();
    if (missing().length > 0 && (await composeWorks())) {
      log(`starting containers: ${missing().join(', ')} (they stay until scripts/services down)`);
      await attempt('docker compose', () => composeUp(missing()));
      await takeReachable();
    }
  }
  const absent = missing().filter((service) => !isInstalled(service));
  if (absent.length > 0 && canInstall()) {
    const packages = absent.map((name) => services[name].debianPackage);
    log(`installing packages: ${packages.join(', ')}`);
    await attempt('apt-get', () => installPackages(packages));
  }
  for (const service of missing().filter(isInstalled)) {
    const { title } = services[service];
    await attempt(`private ${title}`, async () => {
      const instance = await startInstance(recipes[service]);
      started.push(instance);
      urls[service] = instance.url;
      log(`${title}: a private instance at ${maskUrl(instance.url)}`);
    });
  }

  const stop = async () => {
    await Promise.all(started.splice(0).map(stopInstance));
  };
  if (missing().length > 0) {
    await stop();
    throw new ServicesMissingError(describeMissing(missing(), reasons));
  }
  if (!keep) process.once('exit', () => started.forEach(killInstance));
  return { urls: urls as ServiceUrls, stop };
}

/**
 * The server of this service that can be reached now, or undefined. A server that the environment
 * names must work: rejects with ServicesMissingError when it does not, instead of using another.
 */
export async function findService(service: ServiceName): Promise<FoundService | undefined> {
  const { title, variable, candidates } = services[service];
  const named = process.env[variable];
  if (named !== undefined && named !== '') {
    const version = await login(service, named).catch((error: unknown) => {
      const why = error instanceof Error ? error.message || error.name : String(error);
      throw new ServicesMissingError(
        `${title} at ${maskUrl(named)}, which ${variable} names, does not let us in: ${why}`,
      );
    });
    return { url: named, version, source: `${maskUrl(named)} (from ${variable})` };
  }
  const running = runningInstances().filter((instance) => instance.service === service);
  for (const url of [...running.map((instance) => instance.url), ...candidates]) {
    const version = await login(service, url).catch(() => undefined);
    if (version !== undefined) return { url, version, source: maskUrl(url) };
  }
  return undefined;
}

function describeMissing(missing: readonly ServiceName[], reasons: readonly string[]): string {
  return [
    `Missing: ${missing.map((service) => services[service].title).join(', ')}. Provide each by one of:`,
    ...missing.map(
      (service) =>
        `  ${services[service].variable}=<the URL of a server, with a user who may create what tests need>`,
    ),
    `  a server on its standard port of 127.0.0.1 with its usual credentials:`,
    // Well-known defaults, no secrets.
    ...missing.map((service) => `    ${services[service].candidates[0]}`),
    '  docker compose up --detach --wait',
    '  on Debian, as root: scripts/services up, which installs packages and starts private instances',
    ...reasons.map((reason) => `Tried ${reason}`),
  ].join('\n');
}
