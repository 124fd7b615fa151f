import { randomUUID } from 'node:crypto';
import { EntitySchema } from 'typeorm';
import { eventOf, flip } from '../by-hand/event.mjs';
import { figure } from '../figure.mjs';
import { Lamp, placesOf } from '../lamp.mjs';
import { compare, looped } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';

class PlainLamp {}
class PlainOutbox {}

const plainLamp = new EntitySchema({
  name: 'PlainLamp',
  target: PlainLamp,
  tableName: 'by_hand_lamp',
  columns: {
    id: { type: 'uuid', primary: true },
    state: { type: String },
    version: { type: Number },
    stateSince: { type: 'timestamptz', name: 'state_since' },
    account: { type: String, nullable: true },
    domain: { type: String, nullable: true },
    project: { type: String, nullable: true },
  },
});
const plainOutbox = new EntitySchema({
  name: 'PlainOutbox',
  target: PlainOutbox,
  tableName: 'by_hand_outbox',
  columns: {
    id: { type: 'bigint', primary: true, generated: 'identity', generatedIdentity: 'ALWAYS' },
    eventId: { type: 'uuid', name: 'event_id' },
    key: { type: String },
    payload: { type: 'text' },
  },
});

/** The entity way: read, change and save in the user's own transaction. */
export const save = {
  name: 'save',
  title: 'send() and save() in a transaction, PostgreSQL',
  run: (options) =>
    scoped(async (open) => {
      const entities = [plainLamp, plainOutbox];
      const { dataSource, signalbox, uuids } = open(await postgresDatabase({ entities }));
      const figures = [];
      for (const callers of [1, 8]) {
        const [subject, reference] = await compare(
          [
            looped('send() and save()', callers, guarded(dataSource, signalbox, uuids, callers)),
            looped('TypeORM save and outbox insert', callers, plain(dataSource, uuids, callers)),
          ],
          options,
        );
        const name = `send() + save() in the user's transaction, ${callers} caller${callers === 1 ? '' : 's'}`;
        figures.push(figure({ name, goal: { least: 0.9 }, subject, reference }));
      }
      return { settings: await postgresSettings(dataSource), figures };
    }),
};

function guarded(dataSource, signalbox, uuids, callers) {
  const place = placesOf(uuids, callers);
  return (caller) =>
    dataSource.transaction(async (manager) => {
      const lamp = await manager.findOneByOrFail(Lamp, { uuid: place(caller) });
      signalbox.send(lamp, flip(lamp.state).event, { actor: 'bench' });
      lamp.project = randomUUID();
      await manager.save(lamp);
    });
}

function plain(dataSource, uuids, callers) {
  const place = placesOf(uuids, callers);
  return (caller) =>
    dataSource.transaction(async (manager) => {
      const lamp = await manager.findOneByOrFail(PlainLamp, { id: place(caller) });
      const event = eventOf(lamp.id, lamp);
      lamp.state = event.to;
      lamp.version += 1;
      lamp.stateSince = new Date();
      lamp.project = randomUUID();
      await manager.save(lamp);
      await manager.insert(PlainOutbox, {
        eventId: event.eventId,
        key: event.key,
        payload: event.payload,
      });
    });
}
