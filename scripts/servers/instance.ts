import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, openSync, closeSync } from 'node:fs';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from './free-port.js';
import { login } from './login.js';
import { services, type ServiceName } from './service.js';
import { systemUser, type SystemUser } from './system-user.js';
import { until } from './until.js';

/** How to run one private server. Everything it writes stays in `directory`. */
export interface Recipe {
  readonly service: ServiceName;
  /** The system user to run as when we are root; servers refuse to run as root. */
  readonly user: string;
  /** Makes the data directory. Called once, before `launch`. */
  prepare(directory: string, user: SystemUser | undefined): Promise<void>;
  launch(directory: string, port: number): Promise<Launch>;
}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly url: string;
  /** Asks the server to stop at once, in good order. */
  readonly stopSignal: NodeJS.Signals;
  /** A helper that the server leaves behind, and how to stop it. */
  readonly afterStop?: readonly string[];
}

/** A private server under way; also what `instance.json` in its directory holds. */
export interface Instance {
  readonly service: ServiceName;
  readonly url: string;
  readonly pid: number;
  readonly directory: string;
  readonly stopSignal: NodeJS.Signals;
  readonly afterStop?: readonly string[];
  /** The checkout that started it; `down` stops only its own. */
  readonly checkout: string;
}

const checkout = resolve(import.meta.dirname, '../..');
const home = join(tmpdir(), `signalbox-services-${process.getuid?.() ?? 'user'}`);
const startDeadline = 90_000;
const stopDeadline = 20_000;
const mark = 'SIGNALBOX_SERVICE_DIRECTORY';

/**
 * Starts a private server on a free port of the loopback and waits until it lets us in. Rejects with
 * the end of its log when it does not, and leaves nothing behind.
 */
export async function startInstance(recipe: Recipe): Promise<Instance> {
  // Servers run as their own users and must be able to walk in.
  mkdirSync(home, { recursive: true, mode: 0o755 });
  const directory = mkdtempSync(join(home, `${recipe.service}-`));
  const user = systemUser(recipe.user);
  if (user !== undefined) chownSync(directory, user.uid, user.gid);
  let instance: Instance | undefined;
  try {
    await recipe.prepare(directory, user);
    const launch = await recipe.launch(directory, await freePort());
    instance = spawnServer(recipe.service, launch, directory, user);
    await waitForLogin(instance);
    return instance;
  } catch (error) {
    if (instance === undefined) rmSync(directory, { recursive: true, force: true });
    else await stopInstance(instance);
    throw error;
  }
}

function spawnServer(
  service: ServiceName,
  launch: Launch,
  directory: string,
  user: SystemUser | undefined,
): Instance {
  const log = openSync(join(directory, 'server.log'), 'a');
  const child = spawn(launch.command, launch.args, {
    cwd: directory,
    env: { ...process.env, ...launch.env, [mark]: directory },
    // Its own process group: a Ctrl-C at the terminal must not stop it under the tests' feet.
    detached: true,
    stdio: ['ignore', log, log],
    ...user,
  });
  closeSync(log);
  child.on('error', () => {});
  child.unref();
  const instance: Instance = {
    service,
    url: launch.url,
    pid: child.pid ?? 0,
    directory,
    stopSignal: launch.stopSignal,
    afterStop: launch.afterStop,
    checkout,
  };
  writeFileSync(join(directory, 'instance.json'), JSON.stringify(instance, null, 2));
  return instance;
}

async function waitForLogin(instance: Instance): Promise<void> {
  const started = await until(startDeadline, async () => {
    if (!isAlive(instance)) return 'died';
    return login(instance.service, instance.url).then(
      () => 'ready',
      () => undefined,
    );
  });
  if (started === 'ready') return;
  const log = readFileSync(join(instance.directory, 'server.log'), 'utf8');
  const tail = log.trim().split('\n').slice(-15).join('\n');
  const what = started === 'died' ? 'stopped at once' : 'did not start in time';
  throw new Error(`the private ${services[instance.service].title} ${what}:\n${tail}`);
}

/** Stops the server, waits until it is gone, and removes its directory. Safe to call twice. */
export async function stopInstance(instance: Instance): Promise<void> {
  if (isAlive(instance)) {
    process.kill(instance.pid, instance.stopSignal);
    const gone = await until(stopDeadline, () => !isAlive(instance) || undefined);
    if (gone === undefined) killInstance(instance);
  }
  const [command, ...args] = instance.afterStop ?? [];
  if (command !== undefined) {
    await new Promise((done) => {
      spawn(command, args, { stdio: 'ignore' }).on('error', done).on('exit', done);
    });
  }
  rmSync(instance.directory, { recursive: true, force: true, maxRetries: 5 });
}

/** The last resort, synchronous so that it works while the process exits. */
export function killInstance(instance: Instance): void {
  if (!isAlive(instance)) return;
  process.kill(-instance.pid, 'SIGKILL');
}

/** The private servers of this checkout that are under way, whoever started them. */
export function runningInstances(): readonly Instance[] {
  if (!existsSync(home)) return [];
  return readdirSync(home)
    .map((name) => join(home, name, 'instance.json'))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Instance)
    .filter((instance) => instance.checkout === checkout && isAlive(instance));
}

/** True while the process lives and is still ours: process numbers are used again. */
export function isAlive(instance: Instance): boolean {
  if (instance.pid === 0) return false;
  try {
    process.kill(instance.pid, 0);
  } catch {
    return false;
  }
  if (!existsSync('/proc/self/environ')) return true;
  try {
    // A zombie, which nobody may come to collect in a container, has an empty environment.
    const environment = readFileSync(`/proc/${instance.pid}/environ`, 'utf8');
    return environment.includes(`${mark}=${instance.directory}`);
  } catch {
    return false;
  }
}
