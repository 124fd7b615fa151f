import { ClosedError } from '../../core/errors/errors.js';

/** Pure. What every call of a bus rejects with once it is closed. */
export function busClosed(bus: string, when?: string): ClosedError {
  const how = when === undefined ? 'is closed' : `was closed ${when}`;
  return new ClosedError('CLOSED', `The bus ${bus} ${how}. Create a new one.`, {
    parameters: { bus },
  });
}
