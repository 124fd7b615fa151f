/** Settles as `work` does, or rejects with what `late` returns when it takes longer. */
export async function inTime<T>(
  work: Promise<T>,
  milliseconds: number,
  late: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), milliseconds);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for the end of something, but not for longer than it may take. Resolves with false when it takes
 * longer, and with true when it has settled, whichever way: who closes goes on in any case. Never rejects.
 */
export async function endsInTime(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  return inTime(
    work.then(
      () => true,
      () => true,
    ),
    milliseconds,
    () => new Error('late'),
  ).catch(() => false);
}

/** Milliseconds that a broker gets for each step of a polite end; then the connection is cut. */
export const endPatience = 5_000;
