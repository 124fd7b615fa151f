import { hostname } from 'node:os';

/** Who this process is among the members of a pool, as dead letters tell it: `host:pid`. */
export const memberName = `${hostname()}:${process.pid}`;
