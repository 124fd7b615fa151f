import type { EntityManager } from 'typeorm';
import type { Announcer } from '../../persistence/announcer.js';
import { withContext } from '../../context/ambient.js';
import type { AmbientContext } from '../../context/ambient.js';
import { SignalboxError } from '../../core/errors/errors.js';
import { presentable } from '../../core/errors/presentable.js';
import type { ActionEvent } from '../../core/events/event.js';
import type { JsonObject } from '../../core/json/json.js';
import { assertPlainJson } from '../../core/json/plain-json.js';
import type { Tenancy } from '../../core/planning/origin.js';

/** What an action is about, and in whose transaction it is announced. */
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

/** What the operation inside an action gets. */
export interface ActionHandle {
  /** The id of the Started event: the causation of everything announced inside. */
  readonly id: string;
  /** Adds facts to the Completed or Failed event. Throws RefusedError PAYLOAD_NOT_JSON. */
  addDetails(details: JsonObject): void;
}

/**
 * Announces Started, runs the operation, then announces Completed or Failed with outcome, error and
 * duration, linked to Started. Everything announced inside carries the action as its cause. Rejects
 * with what the operation rejects with; with an AggregateError of both, the operation's error its
 * cause, when Failed could not be announced either.
 */
export async function runAction<T>(
  announcer: Announcer,
  type: string,
  settings: ActionSettings,
  operation: (action: ActionHandle) => T | Promise<T>,
): Promise<T> {
  const { subject, description, manager, account, domain, project } = settings;
  const announce = (data: ActionEvent['data'], context: AmbientContext): Promise<string> =>
    announcer.announce({
      category: 'ActionEvent',
      type,
      data,
      subject,
      tenancy: { account, domain, project },
      context,
      manager,
    });

  const base: AmbientContext = pickContext(settings);
  const startId = await announce(
    {
      status: 'Started',
      ...(description === undefined ? {} : { description }),
      ...(settings.details === undefined ? {} : { details: settings.details }),
    },
    base,
  );
  const inside: AmbientContext = {
    ...base,
    correlationId: base.correlationId ?? startId,
    causationId: startId,
  };
  const began = performance.now();
  let details = settings.details;
  const outcome = (): Omit<ActionEvent['data'], 'status'> => ({
    ...(description === undefined ? {} : { description }),
    duration: Math.round(performance.now() - began),
    startid: startId,
    ...(details === undefined ? {} : { details }),
  });
  let result: T;
  try {
    result = await withContext(inside, () =>
      operation({
        id: startId,
        addDetails: (more) => {
          assertPlainJson(more, 'details');
          details = { ...details, ...more };
        },
      }),
    );
  } catch (error) {
    await announce({ status: 'Failed', ...outcome(), error: describeError(error) }, inside).catch(
      (announceError: unknown) => {
        // The transaction that the operation broke takes no more statements, and rolls back.
        if (manager !== undefined) throw error;
        // The operation's own error is what the caller must act on; the lost announcement goes along.
        throw new AggregateError(
          [error, announceError],
          `${type} failed, and so did announcing it`,
          {
            cause: error,
          },
        );
      },
    );
    throw error;
  }
  await announce({ status: 'Completed', ...outcome() }, inside);
  return result;
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
    return { name: 'Error', message: presentable(String(error)) };
  }
  const code: unknown = error instanceof SignalboxError ? error.code : Reflect.get(error, 'code');
  return {
    name: error.name,
    message: presentable(error.message),
    ...(typeof code === 'string' ? { code } : {}),
  };
}
