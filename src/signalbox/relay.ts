/**
 * The relay as a part of its own: publishes what was committed, in a process of your choice.
 *
 * @module
 */
export { createRelay } from './create-relay.js';
export type { RelaySetup } from './create-relay.js';
export type { Relay } from '../delivery/relay/relay.js';
export type { RelayCounts } from '../delivery/relay/relay-metrics.js';
export type { RelayListener, RelayNotice } from '../delivery/relay/relay-notice.js';
export type { RelayOptions } from '../delivery/relay/relay-options.js';
