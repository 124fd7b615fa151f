import { Command } from 'commander';
import type { DataSource } from 'typeorm';
import { connectBuses } from '../../config/connect-bus.js';
import { connectDatabase } from '../../config/connect-database.js';
import type { Configuration } from '../../config/configuration.js';
import { loadFormats } from '../../config/load-formats.js';
import { migrate } from '../../persistence/migrations/migrate.js';
import { migrations } from '../../persistence/migrations/migrations.js';
import { openStore } from '../../persistence/open-store.js';
import type { Bus } from '../../delivery/bus/bus.js';
import type { JwtOptions } from '../../server/access/access.js';
import { listen, type ListenOptions } from '../../server/listen.js';
import {
  notificationService,
  type NotificationServiceOptions,
  type ServiceLog,
} from '../../server/notification-service.js';
import { ServiceDatabase } from '../../server/store/service-sql.js';
import { TokenStore } from '../../server/store/token-store.js';
import { levelOf, logRecord } from '../log-record.js';
import { noticeLine } from '../notice-line.js';
import { portNumber, repeated } from '../option-values.js';
import { printable } from '../printable.js';
import { ApplicationRelays } from '../relay-applications.js';
import { settingsOf, type CommonFlags } from '../settings.js';
import { stopSignal } from '../stop-signal.js';
import { tell } from '../tell.js';

interface ServeFlags extends CommonFlags {
  readonly host?: string;
  readonly port?: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecurePlaintext?: boolean;
  readonly allowPrivate?: boolean;
  readonly allow?: readonly string[];
  readonly json?: boolean;
}

/** `signalbox serve`: the notification service, until it is told to stop. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('Deliver events to webhooks, and answer queries and streams over HTTP.')
    .option('--database <url>', 'default sqlite:signalbox.sqlite, made and migrated')
    .option(
      '--bus <url>',
      'where to read events; default the outbox itself; may be repeated',
      repeated,
    )
    .option('--host <address>', 'where to listen; default 127.0.0.1')
    .option('--port <n>', 'default 8080; 0 for one that is free', portNumber)
    .option('--tls-cert <file>', 'certificate, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option('--insecure-plaintext', 'listen beyond this machine without TLS, behind a proxy')
    .option('--allow-private', 'let endpoints be in private networks')
    .option('--allow <entry>', 'an address (127.0.0.1:9000) or network; may be repeated', repeated)
    .option('--config <file>', 'configuration file')
    .option('--json', 'log JSON lines with time and level')
    .addHelpText(
      'after',
      '\nExample:\n  signalbox serve --allow 127.0.0.1:9000\n  curl -s localhost:8080/endpoints -H "content-type: application/json" -d \'{"address":"http://127.0.0.1:9000/"}\'',
    )
    .action((flags: ServeFlags) => serve(flags));
}

async function serve(flags: ServeFlags): Promise<void> {
  const settings = await settingsOf(flags);
  const { database = 'sqlite:signalbox.sqlite', bus, formats } = settings;
  const log = logger(flags.json === true);
  const stop = stopSignal();
  const isOwnFile = database.startsWith('sqlite:');
  const dataSource = await connectDatabase(database, {
    poolSize: 10,
    ...(isOwnFile ? { migrations: [...migrations] } : { mustExist: true }),
  });
  const buses = await connectBuses(bus, await loadFormats(formats));
  try {
    if (isOwnFile) await migrate(dataSource);
    await openStore(dataSource).verifyMigrated();
    await Promise.all(buses.map((each) => each.connect()));
    const options = await serviceOptions(flags, settings, dataSource);
    const service = await notificationService({
      ...options.service,
      dataSource,
      buses,
      onLog: log,
    });
    const listening = await listen(service, options.listen);
    await service.start();
    // Without a bus the outbox itself is read: events are confirmed when their deliveries are committed.
    const relays =
      buses.length === 0 ? relaysTo(service.intake, dataSource, settings, log) : undefined;
    await relays?.start();
    const open = options.listen.hasTokens
      ? ''
      : ', open to everybody on this machine: no token was created';
    log({ level: 'info', message: `listening on ${listening.url}${open}` });
    await stop.requested;
    log({ level: 'info', message: 'stopping: finishing what is on the wire' });
    await relays?.stop();
    const closed = listening.close();
    await service.stop();
    await closed;
  } finally {
    await Promise.all(buses.map((each) => each.close()));
    await dataSource.destroy();
  }
}

/** Flags win over the file. */
async function serviceOptions(
  flags: ServeFlags,
  { service: file = {} }: Configuration,
  dataSource: DataSource,
): Promise<{
  readonly listen: ListenOptions;
  readonly service: Omit<NotificationServiceOptions, 'dataSource'>;
}> {
  const { lease, keepDeliveries, keepEvents, hubs, publicUrl, jwt, tls: pair, ...rest } = file;
  const given = { ...rest, ...defined(flags) };
  const tls =
    flags.tlsCert === undefined || flags.tlsKey === undefined
      ? pair
      : { cert: flags.tlsCert, key: flags.tlsKey };
  const hasTokens =
    jwt !== undefined || (await anyToken(new TokenStore(new ServiceDatabase(dataSource), 0)));
  const { host, port, insecurePlaintext, allowPrivate, allow } = given;
  return {
    listen: { hasTokens, ...defined({ host, port, insecurePlaintext, tls }) },
    service: {
      anonymous: hasTokens ? 'nobody' : 'administrator',
      guard: defined({ allowPrivate, allow }),
      engine: defined({ lease, keepDeliveries, keepEvents }),
      ...defined({ jwt: jwt as JwtOptions | undefined, hubs, publicUrl }),
    },
  };
}

/** Pure. Without what is undefined. */
function defined<T extends object>(
  given: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function relaysTo(
  intake: Bus,
  dataSource: DataSource,
  { source, application, relay }: Configuration,
  log: (entry: ServiceLog) => void,
): ApplicationRelays {
  return new ApplicationRelays({
    dataSource,
    buses: [intake],
    application,
    source: source ?? 'notification-service',
    options: relay ?? {},
    listener: (notice) => {
      log({ level: levelOf(notice), message: noticeLine(notice) });
    },
    onLeftOut: ({ name }, error) => {
      log({ level: 'warn', message: `leaving out the application '${name}': ${error.message}` });
    },
  });
}

async function anyToken(tokens: TokenStore): Promise<boolean> {
  return (await tokens.list()).some(({ revokedAt }) => revokedAt === null);
}

/** Writes lines for a person, or for a program. */
function logger(json: boolean): (entry: ServiceLog) => void {
  return ({ level, message, fields = {} }) => {
    if (!json) {
      tell(printable(message));
      return;
    }
    const texts = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, String(value)]),
    );
    process.stderr.write(`${logRecord(new Date().toISOString(), level, message, texts)}\n`);
  };
}
