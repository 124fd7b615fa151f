import { AsyncLocalStorage } from 'node:async_hooks';

/** Context of everything done inside a request, a job or an action. */
export interface AmbientContext {
  /** The actor: a user, a service, a scheduler. At most 255 characters. */
  readonly actor?: string;
  /** Links every event of one request or job. */
  readonly correlationId?: string;
  /** The id of the event that causes what happens inside. */
  readonly causationId?: string;
}

const storage = new AsyncLocalStorage<AmbientContext>();

/** Returns the context that the surrounding `withContext` or `action` set; empty outside of one. */
export function ambientContext(): AmbientContext {
  return storage.getStore() ?? {};
}

/**
 * Runs `work` so that every event announced inside carries `context`, over awaits, without passing it
 * along. Contexts nest: what the inner one leaves out, the outer one supplies.
 */
export function withContext<T>(context: AmbientContext, work: () => T): T {
  return storage.run({ ...ambientContext(), ...context }, work);
}
