import { availableParallelism, totalmem, type } from 'node:os';

/** What a reader must know of the machine, and nothing that tells whose it is. */
export function machine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    platform: type(),
  };
}
