import { randomBytes } from 'node:crypto';

/** A name nobody else uses on a shared server: `<prefix>_<12 hexadecimal digits>`. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}
