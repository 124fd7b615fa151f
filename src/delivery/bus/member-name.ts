import { hostname } from 'node:os';

/** Name of this process among the members of a pool, for dead letters: `host:pid`. */
export const memberName = `${hostname()}:${process.pid}`;
