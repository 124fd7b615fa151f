import { existsSync, readdirSync, readFileSync } from 'node:fs';

const deadline = 5_000;

/**
 * Freezes a process until `SIGCONT`. Returns when every thread of it stands still: one on another processor
 * may answer yet when the signal has been sent.
 *
 * @param pid Negative for all processes of the group of that number.
 */
export function freeze(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  // Where there is no such place, as on macOS, the signal has to do.
  if (!existsSync('/proc/self/task')) return;
  const end = performance.now() + deadline;
  while (!membersOf(pid).every(standsStill)) {
    if (performance.now() > end) throw new Error(`The process ${pid} does not stop.`);
  }
}

function membersOf(pid: number): readonly number[] {
  if (pid > 0) return [pid];
  const all = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return all.filter((each) => statOf(`/proc/${each}/stat`)?.group === -pid);
}

function standsStill(pid: number): boolean {
  const threads = `/proc/${pid}/task`;
  if (!existsSync(threads)) return true;
  return readdirSync(threads).every((thread) => {
    const state = statOf(`${threads}/${thread}/stat`)?.state;
    return state === undefined || state === 'T' || state === 'Z';
  });
}

/** What is behind the name, which may hold anything; undefined for what ended meanwhile. */
function statOf(file: string): { readonly state: string; readonly group: number } | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const [state = '', , group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, group: Number(group) };
  } catch {
    return undefined;
  }
}
