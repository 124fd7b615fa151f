import { checkCall, optionsOf } from '../../core/options/check-options.js';
import { manager, nullable, subject, text } from '../../core/options/fields.js';
import type { DataSource, EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { describeError } from '../action/action.js';
import type { EventWriter } from '../../persistence/event-writer.js';
import type { AmbientContext } from '../../context/ambient.js';
import { callSpan, inSpan } from '../../context/span.js';
import { RefusedError } from '../../core/errors/errors.js';
import type { AsyncJobEvent } from '../../core/events/event.js';
import type { JsonObject } from '../../core/json/json.js';
import { tablesOf } from '../../persistence/tables/placed-tables.js';
import { databaseError } from '../../persistence/commit/database-errors.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import { openTransaction } from '../../persistence/commit/open-transaction.js';
import { refuseInsideTransaction } from '../../persistence/commit/transaction-context.js';
import { ownTransaction } from '../../persistence/commit/own-transaction.js';
import { markIncomplete } from '../../persistence/guard/transaction-log.js';
import { withCanonicalSubject } from '../../core/identity/subject.js';
import { canonicalUuid } from '../../core/identity/uuid.js';

/** Options of a job: its subject and its owner. */
export interface JobSettings extends AmbientContext {
  /** The resource it works on; said at submission, and kept. Default none. */
  readonly subject?: { readonly resource: string; readonly uuid: string };
  /** The caller's transaction; without one the submission is committed by itself. */
  readonly manager?: EntityManager;
}

export const jobSchema = optionsOf<JobSettings>('a call of jobs', {
  actor: nullable(text()),
  correlationId: nullable(text()),
  causationId: nullable(text()),
  subject,
  manager,
});

interface JobRow {
  readonly id: string;
  readonly command: string;
  readonly resource: string | null;
  readonly uuid: string | null;
  readonly submission: string;
}

/**
 * Long-running jobs that outlive a process: submitted here, updated and completed anywhere by id. A
 * job is a row while it is under way; its history is in the journal.
 */
export class Jobs {
  readonly #dataSource: DataSource;
  readonly #eventWriter: EventWriter;
  readonly #assertOpen: () => void;
  readonly #application: number;
  readonly #table: string;

  /** @internal */
  constructor(options: {
    readonly dataSource: DataSource;
    readonly eventWriter: EventWriter;
    /** Throws once the Signalbox is closed. */
    readonly assertOpen: () => void;
    /** The id of the application that the jobs belong to; another's are unknown. */
    readonly application: number;
  }) {
    this.#application = options.application;
    this.#dataSource = options.dataSource;
    this.#table = tablesOf(options.dataSource).path('job');
    this.#eventWriter = options.eventWriter;
    this.#assertOpen = options.assertOpen;
  }

  /** Submits a job and announces `submit`, in one commit. Resolves with the job's id. */
  async submit(command: string, settings: JobSettings = {}): Promise<string> {
    checkCall(jobSchema, settings);
    refuseLongCommand(command);
    const id = uuidv7();
    const { subject } = withCanonicalSubject(settings);
    await this.#within(settings.manager, async (manager) => {
      const submission = this.#compose('submit', settings, subject, {
        jobId: id,
        command,
        status: 'IN_PROGRESS',
        progress: 0,
      });
      const now = new Date().toISOString();
      await manager
        .createQueryBuilder()
        .insert()
        .into(this.#table)
        .values({
          id,
          application: this.#application,
          command,
          resource: subject?.resource ?? null,
          uuid: subject?.uuid ?? null,
          status: 'IN_PROGRESS',
          progress: 0,
          submitted_at: now,
          updated_at: now,
          submission: submission.id,
        })
        .execute();
      return this.#tell(manager, id, submission);
    });
    return id;
  }

  /**
   * Records progress and announces `update`, in one commit.
   *
   * @param progress 0 to 100.
   * @throws RefusedError UNKNOWN_JOB when no such job is under way.
   */
  async update(id: string, progress: number, settings: JobSettings = {}): Promise<void> {
    checkCall(jobSchema, settings);
    if (!(progress >= 0 && progress <= 100)) {
      throw RefusedError.of('EVENT_INVALID', `Progress ${progress} is not between 0 and 100.`, {
        progress,
      });
    }
    const jobId = canonicalUuid(id);
    await this.#within(settings.manager, async (manager) => {
      const job = await this.#find(manager, jobId);
      const told = this.#composeFor(job, 'update', settings, {
        jobId,
        command: job.command,
        status: 'IN_PROGRESS',
        progress,
      });
      const { affected } = await manager
        .createQueryBuilder()
        .update(this.#table)
        .set({ progress: Math.round(progress), updated_at: new Date().toISOString() })
        .where('id = :id AND application = :application', this.#own(jobId))
        .execute();
      // Somebody may have ended it since it was found: nothing is told of a job behind its end.
      if (affected === 0) {
        throw unknownJob(jobId);
      }
      return this.#tell(manager, jobId, told);
    });
  }

  /** Ends a job well and announces `complete`. A second end is refused with UNKNOWN_JOB. */
  async complete(id: string, result?: JsonObject, settings: JobSettings = {}): Promise<void> {
    checkCall(jobSchema, settings);
    await this.#end(id, settings, {
      status: 'SUCCEEDED',
      ...(result === undefined ? {} : { result }),
    });
  }

  /** Ends a job badly and announces `complete` with the error. A second end is refused. */
  async fail(id: string, error: unknown, settings: JobSettings = {}): Promise<void> {
    checkCall(jobSchema, settings);
    await this.#end(id, settings, { status: 'FAILED', error: describeError(error) });
  }

  async #end(
    id: string,
    settings: JobSettings,
    outcome: Pick<AsyncJobEvent['data'], 'status' | 'result' | 'error'>,
  ): Promise<void> {
    const jobId = canonicalUuid(id);
    await this.#within(settings.manager, async (manager) => {
      const job = await this.#find(manager, jobId);
      const told = this.#composeFor(job, 'complete', settings, {
        jobId,
        command: job.command,
        ...outcome,
      });
      const { affected } = await manager
        .createQueryBuilder()
        .delete()
        .from(this.#table)
        .where('id = :id AND application = :application', this.#own(jobId))
        .execute();
      // Two workers may both have found the row; only one removes it.
      if (affected === 0) {
        throw unknownJob(jobId);
      }
      return this.#tell(manager, jobId, told);
    });
  }

  async #find(manager: EntityManager, id: string): Promise<JobRow> {
    const job = await manager
      .createQueryBuilder()
      .select('*')
      .from(this.#table, 'job')
      .where('job.id = :id AND job.application = :application', this.#own(id))
      .getRawOne<JobRow>();
    if (job === undefined) {
      throw unknownJob(id);
    }
    return job;
  }

  #own(id: string): { readonly id: string; readonly application: number } {
    return { id, application: this.#application };
  }

  #composeFor(
    job: JobRow,
    type: AsyncJobEvent['type'],
    settings: JobSettings,
    data: AsyncJobEvent['data'],
  ): JournalEntry {
    const subject =
      job.resource === null || job.uuid === null
        ? undefined
        : { resource: job.resource, uuid: job.uuid };
    const context = { causationId: job.submission, correlationId: job.id, ...settings };
    return this.#compose(type, context, subject, data);
  }

  /** Before anything is written: what cannot be told is refused, and the job is as it was. */
  #compose(
    type: AsyncJobEvent['type'],
    { actor, correlationId, causationId }: AmbientContext,
    subject: JobSettings['subject'],
    data: AsyncJobEvent['data'],
  ): JournalEntry {
    return this.#eventWriter.compose({
      category: 'AsyncJobEvent',
      type,
      data,
      subject,
      context: {
        ...(actor === undefined ? {} : { actor }),
        correlationId: correlationId ?? data.jobId,
        ...(causationId === undefined ? {} : { causationId }),
      },
    });
  }

  async #tell(manager: EntityManager, job: string, entry: JournalEntry): Promise<string> {
    const whole = markIncomplete(openTransaction(manager), `The change of job ${job}`);
    await this.#eventWriter.appendWithin(manager, entry);
    whole();
    return entry.id;
  }

  async #within(
    manager: EntityManager | undefined,
    work: (manager: EntityManager) => Promise<string>,
  ): Promise<void> {
    this.#assertOpen();
    const category = 'AsyncJobEvent';
    await inSpan(
      () => callSpan('announce', category, { 'signalbox.category': category }),
      () => this.#write(manager, work),
    );
  }

  async #write(
    manager: EntityManager | undefined,
    work: (manager: EntityManager) => Promise<string>,
  ): Promise<void> {
    if (manager !== undefined) {
      openTransaction(manager);
      try {
        await work(manager);
      } catch (error) {
        throw databaseError(error);
      }
      return;
    }
    refuseInsideTransaction(this.#dataSource);
    await ownTransaction(this.#dataSource, work);
  }
}

function unknownJob(id: string): RefusedError {
  return RefusedError.of(
    'UNKNOWN_JOB',
    `No job ${id} is under way: it was never submitted, or it has ended.`,
    { job: id },
  );
}

function refuseLongCommand(command: string): void {
  if (command === '' || command.length > 255) {
    throw RefusedError.of(
      'EVENT_INVALID',
      `A job's command has 1 to 255 characters; this one has ${command.length}.`,
      { property: 'command', length: command.length },
    );
  }
}
