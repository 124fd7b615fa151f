/**
 * The bus over NATS JetStream.
 *
 * @module
 */
export { nats } from './nats.js';
export type { NatsCredentials } from './credentials.js';
export type { NatsOptions, NatsTls } from './options.js';
