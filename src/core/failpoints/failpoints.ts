import { channel } from 'node:diagnostics_channel';

/**
 * The points on an event's way where a process may die, in order. Each is told just before the step of
 * its name: a process killed there has taken the step before it and not this one.
 *
 * - `guard`: whether the event is lawful is decided from the locked row.
 * - `compare-and-set`, `journal`, `outbox`: the resource's row is written, then its events. What a
 *   database takes in one statement is told once, by the first of it.
 * - `commit`: the transaction is committed, where that is a round trip of its own.
 * - `wake`: the relay is told.
 * - `read`: the relay reads the outbox.
 * - `publish`: a message is handed to the bus. `confirm`: the bus has it, and the relay takes note.
 * - `delete`: rows that the bus has are removed from the outbox.
 * - `deliver`: a consumer takes a message from the bus. `handle`: its handler is called.
 * - `inbox commit`: the handler's own transaction, with the id of the event, is committed.
 * - `ack`: the bus is told that the message is done.
 */
export const failpoints = [
  'guard',
  'compare-and-set',
  'journal',
  'outbox',
  'commit',
  'wake',
  'read',
  'publish',
  'confirm',
  'delete',
  'deliver',
  'handle',
  'inbox commit',
  'ack',
] as const;

export type Failpoint = (typeof failpoints)[number];

/** Where points are told: by name, so that every copy of the package in a process tells the same one. */
export const crashPointChannel = 'signalbox.crash-point';

const told = channel(crashPointChannel);

/**
 * Tells whoever listens that a step is about to be taken. Never throws, and costs one property read
 * while nobody listens, as in production. The crash kit listens, to kill the process there.
 */
export function failpoint(point: Failpoint): void {
  if (told.hasSubscribers) told.publish(point);
}
