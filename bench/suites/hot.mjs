import { transaction } from '../by-hand/postgres.mjs';
import { figure, plainFigure } from '../figure.mjs';
import { Lamp } from '../lamp.mjs';
import { best, compare, looped } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';

const callers = 256;
const hot = 16;

/** Many callers that all want the same few rows. */
export const hotResources = {
  name: 'hot',
  title: `${callers} callers on ${hot} resources, PostgreSQL`,
  run: (options) =>
    scoped(async (open) => {
      const { dataSource, signalbox, url, uuids } = open(await postgresDatabase());
      const place = (caller) => uuids[caller % hot];
      options.log('  looking for the best number of connections by hand');
      const byHand = await best(
        [4, 8, 16, 32].map((connections) => {
          const way = open(transaction(url, uuids, { connections, callers, place }));
          return looped(
            `prepared transaction, retried on conflict, ${connections} connections`,
            callers,
            way.operation,
          );
        }),
        options,
      );
      const toggle = (caller) =>
        signalbox.transition(Lamp, place(caller), 'Toggled', { actor: 'bench' });
      const [subject, reference] = await compare(
        [looped('signalbox.transition()', callers, toggle), byHand],
        options,
      );
      const name = `${callers} callers on ${hot} hot resources`;
      return {
        settings: await postgresSettings(dataSource),
        figures: [
          figure({ name, goal: { least: 5 }, subject, reference }),
          plainFigure({
            name: `${name}: transitions of the luckiest caller to those of the unluckiest`,
            goal: { most: 2 },
            value: subject.samples.map(({ unfairness }) => unfairness),
          }),
        ],
      };
    }),
};
