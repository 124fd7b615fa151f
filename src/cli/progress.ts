import { Presets, SingleBar } from 'cli-progress';

/** Shows how far a long piece of work is. */
export interface Progress {
  update(done: number): void;
  stop(): void;
}

/**
 * A progress bar on a terminal, a plain line for every tenth part elsewhere (a log, a pipe).
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

function bar(label: string, total: number, stream: NodeJS.WriteStream): Progress {
  const single = new SingleBar(
    { stream, format: `{bar} {value}/{total} ${label} · {eta_formatted} left`, hideCursor: true },
    Presets.shades_classic,
  );
  single.start(total, 0);
  return {
    update: (done) => {
      single.update(done);
    },
    stop: () => {
      single.stop();
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
