import { Command } from 'commander';
import { connectBuses } from '../../config/connect-bus.js';
import { connectDatabase } from '../../config/connect-database.js';
import { loadFormats } from '../../config/load-formats.js';
import { migrate } from '../../persistence/migrations/migrate.js';
import { migrations } from '../../persistence/migrations/migrations.js';
import { openStore } from '../../persistence/open-store.js';
import { listen } from '../../server/listen.js';
import { notificationService, type ServiceLog } from '../../server/notification-service.js';
import { ServiceDatabase } from '../../server/store/service-sql.js';
import { TokenStore } from '../../server/store/token-store.js';
import { levelOf, logRecord } from '../log-record.js';
import { noticeLine } from '../notice-line.js';
import { repeated, wholeNumber } from '../option-values.js';
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
    .option('--port <n>', 'default 8080; 0 for one that is free', wholeNumber)
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
  const {
    database = 'sqlite:signalbox.sqlite',
    bus,
    formats,
    source,
    relay,
  } = await settingsOf(flags);
  const isEmbedded = bus === undefined;
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
    const hasTokens = await anyToken(new TokenStore(new ServiceDatabase(dataSource), 0));
    const service = await notificationService({
      dataSource,
      buses,
      anonymous: hasTokens ? 'nobody' : 'administrator',
      guard: {
        ...(flags.allowPrivate === undefined ? {} : { allowPrivate: flags.allowPrivate }),
        ...(flags.allow === undefined ? {} : { allow: flags.allow }),
      },
      onLog: log,
    });
    const listening = await listen(service, {
      hasTokens,
      ...(flags.host === undefined ? {} : { host: flags.host }),
      ...(flags.port === undefined ? {} : { port: flags.port }),
      ...(flags.tlsCert === undefined || flags.tlsKey === undefined
        ? {}
        : { tls: { cert: flags.tlsCert, key: flags.tlsKey } }),
      ...(flags.insecurePlaintext === undefined
        ? {}
        : { insecurePlaintext: flags.insecurePlaintext }),
    });
    await service.start();
    const relays = isEmbedded
      ? new ApplicationRelays({
          dataSource,
          buses: [service.intake],
          application: undefined,
          source: source ?? 'notification-service',
          options: relay ?? {},
          listener: (notice) => {
            log({
              level: levelOf(notice) === 'info' ? 'info' : 'warn',
              message: noticeLine(notice),
            });
          },
          onLeftOut: ({ name }, error) => {
            log({
              level: 'warn',
              message: `leaving out the application '${name}': ${error.message}`,
            });
          },
        })
      : undefined;
    await relays?.start();
    log({
      level: 'info',
      message: `listening on ${listening.url}${hasTokens ? '' : ', open to everybody on this machine: no token was created'}`,
    });
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
