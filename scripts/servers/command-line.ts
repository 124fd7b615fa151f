import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { composeDown, composeWorks } from './compose.js';
import { runningInstances, stopInstance } from './instance.js';
import { findService, provideServices } from './provide.js';
import { serviceNames, services, type ServiceUrls } from './service.js';

const help = `Provides PostgreSQL, MariaDB and RabbitMQ for the tests and the benchmark.

Usage: scripts/services <command> [--private]

  up        finds each server or starts it; what it started stays until "down"
  status    says which servers can be reached, and where
  env       prints the servers' URLs as shell exports: eval "$(scripts/services env)"
  run -- c  provides the servers, runs the command c with their URLs, stops what it started
  down      stops what this checkout started: private instances and containers

  --private   starts private instances even where servers can be reached (up, run)
  --help      this text

Servers are sought in this order: the environment variables
${serviceNames.map((name) => services[name].variable).join(', ')};
private instances under way; the standard ports of 127.0.0.1 with the usual credentials.
What is missing is started by docker compose where an engine answers; else as a private
instance on a free port, after installing its Debian package when we are root.

Example: scripts/services run -- npx vitest run test/persistence`;

type Command = (options: Options) => Promise<number>;

interface Options {
  readonly mode: 'auto' | 'private' | undefined;
  readonly rest: readonly string[];
}

const commands: Readonly<Record<string, Command>> = { up, status, env, run, down };

/** Runs one command and returns the exit code. Never throws for what the user can mend. */
export async function main(argv: readonly string[]): Promise<number> {
  const split = argv.indexOf('--');
  const own = split === -1 ? argv : argv.slice(0, split);
  const rest = split === -1 ? [] : argv.slice(split + 1);
  try {
    const { values, positionals } = parseArgs({
      args: [...own],
      allowPositionals: true,
      options: { private: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    const command = commands[positionals[0] ?? ''];
    if (values.help === true) {
      console.log(help);
      return 0;
    }
    if (command === undefined || positionals.length !== 1) {
      console.error(help);
      return 2;
    }
    return await command({ mode: values.private === true ? 'private' : undefined, rest });
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

const report = (line: string): void => console.error(line);

async function up({ mode }: Options): Promise<number> {
  await provideServices({ mode, keep: true, log: report });
  return 0;
}

async function status(): Promise<number> {
  let missing = 0;
  for (const name of serviceNames) {
    const found = await findService(name);
    if (found === undefined) missing += 1;
    const where = found === undefined ? 'missing' : `${found.version} at ${found.source}`;
    console.log(`${services[name].title.padEnd(11)} ${where}`);
  }
  return missing === 0 ? 0 : 1;
}

async function env(): Promise<number> {
  for (const name of serviceNames) {
    const found = await findService(name);
    if (found === undefined) {
      report(`${services[name].title} cannot be reached; start it with: scripts/services up`);
      return 1;
    }
    console.log(`export ${services[name].variable}='${found.url.replaceAll("'", "'\\''")}'`);
  }
  return 0;
}

async function run({ mode, rest: [command, ...args] }: Options): Promise<number> {
  if (command === undefined) {
    report('run needs a command: scripts/services run -- <command>');
    return 2;
  }
  const provided = await provideServices({ mode, log: report });
  // The terminal sends Ctrl-C to the command as well; we must outlive it to clean up.
  process.on('SIGINT', () => {});
  try {
    const child = spawn(command, args, {
      stdio: 'inherit',
      env: { ...process.env, ...environmentOf(provided.urls) },
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } finally {
    await provided.stop();
  }
}

async function down(): Promise<number> {
  const instances = runningInstances();
  await Promise.all(instances.map(stopInstance));
  for (const instance of instances) report(`stopped ${services[instance.service].title}`);
  if (await composeWorks()) await composeDown();
  return 0;
}

/** The servers' URLs under the names that the tests and the benchmark read. */
function environmentOf(urls: ServiceUrls): Record<string, string> {
  return Object.fromEntries(serviceNames.map((name) => [services[name].variable, urls[name]]));
}
