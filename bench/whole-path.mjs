import { rabbitmq } from '../dist/amqp.js';
import { Lamp, switching } from './lamp.mjs';
import { run, sized } from './measure.mjs';
import { postgresDatabase } from './servers/postgres.mjs';
import { until } from './until.mjs';

/**
 * A contender whose callers go on for a time, and that is measured until the last of what they have done
 * is handled.
 *
 * @param count counts what is handled; `count.handled` may only rise.
 */
export function untilHandled(name, callers, operation, count) {
  return sized(name, async ({ seconds }) => {
    const before = count.handled;
    let operations = 0;
    const start = performance.now();
    await run(
      async (caller) => {
        await operation(caller);
        operations += 1;
      },
      { callers, seconds },
    );
    await until(() => count.handled - before >= operations, `${operations} events of ${name}`);
    return { operations, elapsed: (performance.now() - start) / 1_000 };
  });
}

/** Transition, commit, relay, RabbitMQ, a pool's handler and its acknowledgement: all in one process. */
export async function signalboxPath(open, broker, callers) {
  const bus = open(rabbitmq({ url: broker.url, exchange: broker.exchange }));
  const database = open(await postgresDatabase({ bus, relay: true }));
  const { signalbox, uuids } = database;
  const count = { handled: 0 };
  await bus.subscribe(['#'], () => void (count.handled += 1), { pool: 'bench', prefetch: 1_000 });
  broker.adopt(`${broker.exchange}/pool/bench`, `${broker.exchange}/dead/bench`);
  const name = `signalbox.transition() of a ${Lamp.lifecycle.resource} to its handler`;
  return {
    database,
    contender: untilHandled(name, callers, switching(signalbox, uuids, callers), count),
  };
}
