/** Resolves when `work` has settled or `signal` has aborted, whichever comes first. Rejects as `work` does. */
export async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  // A later rejection of work that is waited for no longer must not end the process.
  work.catch(() => undefined);
  if (signal.aborted) return;
  let stop: (() => void) | undefined;
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop);
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
