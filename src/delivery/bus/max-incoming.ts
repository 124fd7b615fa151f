import { untried, type HandlingFailure } from './handling-failure.js';

/** Bytes of a body that a subscription takes unless told: what brokers take unless configured. */
export const defaultMaxIncoming = 16 * 1024 * 1024;

/**
 * Bytes of a body that is parsed unless told: eight times what an event may have when it is written (256
 * KiB), as some formats write its text as a text within another.
 */
export const defaultMaxParsed = 2 * 1024 * 1024;

/** Pure. Why a body is put aside without being parsed; undefined for one that is not too large. */
export function oversized(bytes: number, maxIncoming: number): HandlingFailure | undefined {
  if (bytes <= maxIncoming) return undefined;
  return untried(
    `its body of ${bytes} bytes exceeds the ${maxIncoming} that are taken (maxIncoming)`,
  );
}
