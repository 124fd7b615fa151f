import { UnavailableError } from '../../core/errors/errors.js';

/** Pure. What every call of a bus rejects with once it is closed. */
export function busClosed(bus: string): UnavailableError {
  return new UnavailableError('CLOSED', `The bus ${bus} is closed. Create a new one.`, {
    parameters: { bus },
  });
}
