import type { EntityManager } from 'typeorm';
import type { EventWriter } from '../../persistence/event-writer.js';
import { withContext } from '../../context/ambient.js';
import type { AmbientContext } from '../../context/ambient.js';
import { ActionNotAnnouncedError, RefusedError, SignalboxError } from '../../core/errors/errors.js';
import { sanitizeMessage } from '../../core/errors/sanitize-message.js';
import type { ActionEvent } from '../../core/events/event.js';
import type { JsonObject } from '../../core/json/json.js';
import { assertPlainJson } from '../../core/json/plain-json.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import type { Tenancy } from '../../core/planning/event-context.js';
import type { StartedAction, StartedActions } from './started-actions.js';

/** Options of an action: its subject, and the transaction to announce it in. */
export interface ActionSettings extends AmbientContext, Tenancy {
  /** The resource it is about. Default none. */
  readonly subject?: { readonly resource: string; readonly uuid: string };
  /** One line for people. */
  readonly description?: string;
  /** Facts for each of its events. Plain JSON. */
  readonly details?: JsonObject;
  /**
   * The caller's transaction. Then Started, Completed and Failed commit or roll back with it: an
   * action that fails and rolls back leaves no trace. Without one, each is committed by itself.
   */
  readonly manager?: EntityManager;
}

/** Handle given to the operation inside an action. */
export interface ActionHandle {
  /** The id of the Started event: the causation of everything announced inside. */
  readonly id: string;
  /** Adds facts to the Completed or Failed event. Throws RefusedError PAYLOAD_NOT_JSON. */
  addDetails(details: JsonObject): void;
}

/** Where an action is written. */
export interface ActionParts {
  readonly eventWriter: EventWriter;
  readonly started: StartedActions;
}

/**
 * Announces Started, runs the operation, then announces Completed or Failed with outcome, error and
 * duration, linked to Started. Everything announced inside carries the action as its cause. What the
 * operation returned or threw is never lost: details that cannot be written are left out.
 *
 * Rejects with what the operation rejects with; with an AggregateError of both, the operation's error
 * its cause, when Failed could not be announced either; with ActionNotAnnouncedError, which has the
 * result, when the operation ran and Completed could not be announced.
 */
export async function runAction<T>(
  { eventWriter, started }: ActionParts,
  type: string,
  settings: ActionSettings,
  operation: (action: ActionHandle) => T | Promise<T>,
): Promise<T> {
  const { subject, description, manager, account, domain, project } = settings;
  const compose = (data: ActionEvent['data'], context: AmbientContext): JournalEntry =>
    eventWriter.compose({
      category: 'ActionEvent',
      type,
      data,
      subject,
      tenancy: { account, domain, project },
      context,
    });

  const base: AmbientContext = pickContext(settings);
  const start = compose(
    {
      status: 'Started',
      ...(description === undefined ? {} : { description }),
      ...(settings.details === undefined ? {} : { details: settings.details }),
    },
    base,
  );
  const action =
    manager === undefined
      ? await started.start(start)
      : await startWithin(eventWriter, manager, start);
  const inside: AmbientContext = {
    ...base,
    correlationId: base.correlationId ?? start.id,
    causationId: start.id,
  };
  const began = performance.now();
  let details = settings.details;
  const end = async (outcome: Pick<ActionEvent['data'], 'status' | 'error'>): Promise<void> => {
    const data = {
      status: outcome.status,
      ...(description === undefined ? {} : { description }),
      duration: Math.round(performance.now() - began),
      startid: start.id,
    };
    const error = outcome.error === undefined ? {} : { error: outcome.error };
    const whole = details === undefined ? {} : { details };
    let entry: JournalEntry;
    try {
      entry = compose({ ...data, ...whole, ...error }, inside);
    } catch (refusal) {
      if (!(refusal instanceof RefusedError)) throw refusal;
      // Too large, or no JSON any more: the end of the action is worth more than what was added to it.
      entry = compose({ ...data, ...error }, inside);
    }
    await action.end(entry);
  };
  let result: T;
  try {
    result = await withContext(inside, () =>
      operation({
        id: start.id,
        addDetails: (more) => {
          assertPlainJson(more, 'details');
          details = { ...details, ...more };
        },
      }),
    );
  } catch (error) {
    await end({ status: 'Failed', error: describeError(error) }).catch((announceError: unknown) => {
      // The transaction that the operation broke takes no more statements, and rolls back.
      if (manager !== undefined) throw error;
      // The operation's own error is what the caller must act on; the lost announcement goes along.
      throw new AggregateError([error, announceError], `${type} failed, and so did announcing it`, {
        cause: error,
      });
    });
    throw error;
  }
  await end({ status: 'Completed' }).catch((error: unknown) => {
    throw new ActionNotAnnouncedError(type, result, error);
  });
  return result;
}

/** In the caller's transaction no record is needed: what is not ended is rolled back. */
async function startWithin(
  eventWriter: EventWriter,
  manager: EntityManager,
  start: JournalEntry,
): Promise<StartedAction> {
  await eventWriter.appendWithin(manager, start);
  return { end: (entry) => eventWriter.appendWithin(manager, entry) };
}

function pickContext({ actor, correlationId, causationId }: AmbientContext): AmbientContext {
  return {
    ...(actor === undefined ? {} : { actor }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(causationId === undefined ? {} : { causationId }),
  };
}

/**
 * Puts an error into an event: its name, message and code, never its stack or its cause. Passwords in
 * addresses are masked. Pure.
 */
export function describeError(error: unknown): { name: string; message: string; code?: string } {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: sanitizeMessage(String(error)) };
  }
  const code: unknown = error instanceof SignalboxError ? error.code : Reflect.get(error, 'code');
  return {
    name: error.name,
    message: sanitizeMessage(error.message),
    ...(typeof code === 'string' ? { code } : {}),
  };
}
