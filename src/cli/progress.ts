import { clearLine, cursorTo } from 'node:readline';

/** Shows how far a long piece of work is. */
export interface Progress {
  update(done: number): void;
  stop(): void;
}

/**
 * A line that is written anew on a terminal, a plain line for every tenth part elsewhere (a log, a pipe).
 *
 * @param label What is counted, in the plural.
 */
export function progress(
  label: string,
  total: number,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  return stream.isTTY ? bar(label, total, stream) : lines(label, total, stream);
}

/** Cells of the bar. */
const width = 40;

/** Milliseconds between two drawings: a terminal takes longer to draw than most work takes. */
const interval = 50;

function bar(label: string, total: number, stream: NodeJS.WriteStream): Progress {
  let drawnAt = 0;
  let last = 0;
  const draw = (done: number): void => {
    last = done;
    drawnAt = performance.now();
    const cells = Math.round((width * done) / total);
    cursorTo(stream, 0);
    clearLine(stream, 0);
    stream.write(`${'█'.repeat(cells)}${'░'.repeat(width - cells)} ${done}/${total} ${label}`);
  };
  return {
    update: (done) => {
      if (done >= total || performance.now() - drawnAt >= interval) draw(done);
      else last = done;
    },
    stop: () => {
      draw(last);
      stream.write('\n');
    },
  };
}

function lines(label: string, total: number, stream: NodeJS.WriteStream): Progress {
  let printed = 0;
  return {
    update: (done) => {
      const tenth = Math.floor((done * 10) / total);
      if (tenth > printed) {
        printed = tenth;
        stream.write(`${done}/${total} ${label}\n`);
      }
    },
    stop: () => undefined,
  };
}
