import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Starts a program of this folder. It says when it is ready, and answers each order. */
export async function startChild(program, given) {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = fork(path, [JSON.stringify(given)]);
  const ended = once(child, 'exit');
  const messages = [];
  let latest;
  let wake = () => {};
  child.on('message', (message) => {
    if (message?.handled === undefined) messages.push(message);
    else latest = message.handled;
    wake();
  });
  const next = async () => {
    while (messages.length === 0) {
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
      await Promise.race([new Promise((resolve) => (wake = resolve)), ended]);
    }
    return messages.shift();
  };
  const order = (what) => {
    child.send(what);
    return next();
  };
  return {
    ready: next,
    get handled() {
      return latest ?? 0;
    },
    /** Begins its work, and its account anew. */
    begin: () => order('begin'),
    pause: () => order('pause'),
    /** Asks for its account, and ends it. */
    async finish() {
      const account = await order('finish');
      await ended;
      return account;
    },
  };
}
