import { Command } from 'commander';
import type { DataSource } from 'typeorm';
import { RefusedError } from '../../core/errors/errors.js';
import { canonicalUuid } from '../../core/identity/uuid.js';
import { durationText } from '../../core/lifecycle/duration-text.js';
import { readDeadlineId } from '../../core/planning/deadline-place.js';
import type { ArmedDeadline } from '../../core/stores/deadline-store.js';
import type { Application } from '../../persistence/application.js';
import { readLife } from '../../persistence/life-entries.js';
import type { OpenStore } from '../../persistence/open-store.js';
import { wholeNumber } from '../option-values.js';
import { parseDuration } from '../parse-duration.js';
import { printable } from '../printable.js';
import { withDatabaseOptions } from '../database-options.js';
import type { CommonFlags } from '../settings.js';
import { withStore } from '../with-store.js';

interface ListFlags extends CommonFlags {
  readonly json?: boolean;
  readonly limit: number;
  readonly resource?: string;
  readonly uuid?: string;
  readonly missing?: boolean;
}

interface ArmFlags extends CommonFlags {
  readonly in?: number;
  readonly revision?: number;
}

interface CancelFlags extends CommonFlags {
  readonly missing?: boolean;
}

/** `signalbox deadlines`: what is armed; arm or cancel by hand. */
export function deadlinesCommand(): Command {
  const deadlines = new Command('deadlines').description(
    'See the armed deadlines; arm or cancel one by hand.',
  );
  deadlines.addCommand(listCommand());
  deadlines.addCommand(armCommand());
  deadlines.addCommand(cancelCommand());
  return deadlines.addHelpText('after', '\nExample:\n  signalbox deadlines list --missing');
}

function listCommand(): Command {
  return common('list', 'every armed deadline, by the uuid of its resource')
    .option('--resource <type>', 'only those of this type')
    .option('--uuid <uuid>', 'only those of this resource', canonicalUuid)
    .option('--missing', 'only those whose resource was not found')
    .option('--json', 'print one JSON object a line')
    .option('--limit <n>', 'rows to print at the most', wholeNumber, 100)
    .addHelpText('after', '\nExample:\n  signalbox deadlines list --resource Volume')
    .action(async ({ json, limit, resource, uuid, missing, ...flags }: ListFlags) =>
      withStore(flags, async ({ deadlines }) => {
        const rows = await deadlines.list({
          limit,
          ...(resource === undefined ? {} : { resource }),
          ...(uuid === undefined ? {} : { uuid }),
          ...(missing === undefined ? {} : { missing }),
        });
        const write = json === true ? (row: ArmedDeadline) => `${JSON.stringify(row)}\n` : line;
        process.stdout.write(rows.map(write).join('') || 'none is armed\n');
      }),
    );
}

function armCommand(): Command {
  return common('arm', 'arm a deadline of a resource, or arm it anew')
    .argument('<resource>', 'the type, such as Volume')
    .argument('<uuid>', 'of the resource', canonicalUuid)
    .argument('<deadline>', 'its id, such as Creating/60000')
    .option('--in <duration>', 'when it is due; default the delay in its id', parseDuration)
    .option(
      '--revision <n>',
      'of the resource; default the last that the journal tells',
      wholeNumber,
    )
    .addHelpText(
      'after',
      '\nExample:\n  signalbox deadlines arm Volume 9d827485-0f46-4db8-bd39-fede97cbac0c Creating/60000 --in 5min',
    )
    .action(
      async (
        resource: string,
        uuid: string,
        id: string,
        { in: delay, revision, ...flags }: ArmFlags,
      ) =>
        withStore(flags, async (store, dataSource) => {
          const after = delay ?? delayOf(id);
          await dataSource.transaction(async (manager) => {
            const life =
              revision ?? (await lastRevision(dataSource, store.application, resource, uuid));
            await store.scheduleWithin(manager, {
              resource,
              uuid,
              revision: life,
              // The lowest: whatever version runs may settle it.
              version: 0,
              arms: [{ id, after }],
              cancels: [],
            });
          });
          process.stdout.write(`${id} of ${resource} ${uuid} is due in ${durationText(after)}\n`);
        }),
    );
}

function cancelCommand(): Command {
  return common('cancel', 'cancel deadlines of a resource, or all whose resource was not found')
    .argument('[resource]', 'the type, such as Volume')
    .argument('[uuid]', 'of the resource', canonicalUuid)
    .argument('[deadline]', 'its id, such as Creating/60000; default every one')
    .option('--missing', 'every deadline whose resource was not found')
    .addHelpText(
      'after',
      '\nExample:\n  signalbox deadlines cancel Volume 9d827485-0f46-4db8-bd39-fede97cbac0c',
    )
    .action(
      async (
        resource: string | undefined,
        uuid: string | undefined,
        id: string | undefined,
        { missing = false, ...flags }: CancelFlags,
      ) => {
        if (!missing && (resource === undefined || uuid === undefined)) {
          throw RefusedError.of(
            'ARGUMENTS_INVALID',
            'Name a resource and its uuid, or pass --missing for all whose resource was not found.',
          );
        }
        await withStore(flags, async (store, dataSource) => {
          const which = {
            missing,
            ...(resource === undefined ? {} : { resource }),
            ...(uuid === undefined ? {} : { uuid }),
          };
          const cancelled = await cancelAll(store, dataSource, which, id);
          process.stdout.write(`${cancelled} cancelled\n`);
        });
      },
    );
}

/** Cancels page by page; what is armed anew meanwhile stays. */
async function cancelAll(
  { deadlines }: OpenStore,
  dataSource: DataSource,
  which: Omit<Parameters<OpenStore['deadlines']['list']>[0], 'limit' | 'after'>,
  id: string | undefined,
): Promise<number> {
  let cancelled = 0;
  let after: ArmedDeadline | undefined;
  for (;;) {
    const rows = await deadlines.list({
      ...which,
      limit: 500,
      ...(after === undefined ? {} : { after }),
    });
    await dataSource.transaction(async (manager) => {
      for (const row of rows) {
        if (id !== undefined && row.deadline !== id) continue;
        if (await deadlines.removeWithin(manager, row)) cancelled += 1;
      }
    });
    after = rows.at(-1);
    if (after === undefined) return cancelled;
  }
}

function delayOf(id: string): number {
  const { after } = readDeadlineId(id);
  if (id.includes('/') && Number.isSafeInteger(after) && after > 0) return after;
  throw RefusedError.of(
    'ARGUMENTS_INVALID',
    `'${id}' is no deadline: give a state and milliseconds, such as Creating/60000.`,
    { deadline: id },
  );
}

async function lastRevision(
  dataSource: DataSource,
  application: Application,
  resource: string,
  uuid: string,
): Promise<number> {
  const life = await readLife(dataSource.manager, resource, uuid, application);
  const last = life.find(({ kind }) => kind === 'change');
  if (last !== undefined) return last.revision;
  throw RefusedError.of(
    'UNKNOWN_RESOURCE',
    `The journal tells nothing of ${resource} ${uuid}. Check both, or pass its --revision.`,
    { resource, uuid },
  );
}

function common(name: string, description: string): Command {
  return withDatabaseOptions(new Command(name).description(description))
    .option('--application <name>', 'whose; needed where several share the database')
    .option('--config <file>', 'configuration file');
}

function line({ resource, uuid, deadline, revision, dueIn, missing }: ArmedDeadline): string {
  const time = durationText(Math.round(Math.abs(dueIn) / 1000) * 1000);
  const due = dueIn > 0 ? `due in ${time}` : `overdue by ${time}`;
  const what = `${resource} ${uuid} ${deadline} at revision ${revision}, ${due}`;
  return `${printable(what)}${missing ? ', its resource was not found' : ''}\n`;
}
