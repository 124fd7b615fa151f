import { Argument, Command } from 'commander';
import { RefusedError } from '../../core/errors/errors.js';
import { ownerFor } from '../../server/endpoints/endpoints.js';
import { administrator } from '../../server/access/access.js';
import { ServiceDatabase } from '../../server/store/service-sql.js';
import { type Scope, TokenStore } from '../../server/store/token-store.js';
import { parseDuration } from '../parse-duration.js';
import type { CommonFlags } from '../settings.js';
import { withStore } from '../with-store.js';

interface CreateFlags extends CommonFlags {
  readonly name: string;
  readonly account?: string;
  readonly domain?: string;
  readonly admin?: boolean;
  readonly readOnly?: boolean;
  readonly expires?: string;
}

/** `signalbox token`: who may use the notification service. */
export function tokenCommand(): Command {
  const command = new Command('token').description(
    'Create, list and revoke access tokens of the notification service.',
  );
  withDatabase(command.command('create'))
    .description('Create a token and print it: it is shown once.')
    .requiredOption('--name <text>', 'whose it is, for the list')
    .option('--account <name>', 'sees the events of this account')
    .option(
      '--domain <path>',
      'sees the events of this domain and below; with --account, of that account in it',
    )
    .option('--admin', 'sees and may do everything')
    .option('--read-only', 'may make no endpoints')
    .option('--expires <duration>', 'such as 90d; default never')
    .action(async (flags: CreateFlags) => {
      await withTokens(flags, async (tokens) => {
        const scopes: readonly Scope[] =
          flags.admin === true
            ? ['admin']
            : flags.readOnly === true
              ? ['read']
              : ['read', 'subscribe'];
        if (flags.admin !== true && flags.account === undefined && flags.domain === undefined) {
          throw RefusedError.of(
            'OPTION_INVALID',
            'A token is of an --account, of a --domain, or of an --admin.',
          );
        }
        const reach =
          flags.admin === true ? 'global' : flags.account === undefined ? 'domain' : 'local';
        const owner = ownerFor(administrator, {
          reach,
          ...(flags.account === undefined ? {} : { account: flags.account }),
          ...(flags.domain === undefined ? {} : { domain: flags.domain }),
        });
        const expiresIn = flags.expires === undefined ? null : parseDuration(flags.expires);
        const { token } = await tokens.create({ name: flags.name, owner, scopes, expiresIn });
        process.stdout.write(`${token}\n`);
      });
    });
  withDatabase(command.command('list'))
    .description('List tokens, one JSON object a line, without what grants access.')
    .action(async (flags: CommonFlags) => {
      await withTokens(flags, async (tokens) => {
        for (const token of await tokens.list()) process.stdout.write(`${JSON.stringify(token)}\n`);
      });
    });
  withDatabase(command.command('revoke'))
    .description('Revoke a token: its next request is refused.')
    .addArgument(new Argument('<id>', 'as the list shows it'))
    .action(async (id: string, flags: CommonFlags) => {
      await withTokens(flags, async (tokens) => {
        if (await tokens.revoke(id)) return;
        throw RefusedError.of(
          'OPTION_INVALID',
          `There is no valid token ${id}. See signalbox token list.`,
        );
      });
    });
  return command;
}

function withDatabase(command: Command): Command {
  return command
    .option('--database <url>', 'postgres://, mysql://, mariadb:// or sqlite: address')
    .option('--config <file>', 'configuration file');
}

function withTokens(
  flags: CommonFlags,
  work: (tokens: TokenStore) => Promise<void>,
): Promise<void> {
  return withStore(flags, (_store, dataSource) =>
    work(new TokenStore(new ServiceDatabase(dataSource), 0)),
  );
}
