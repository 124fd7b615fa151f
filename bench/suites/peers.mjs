import { openPool, transaction } from '../by-hand/postgres.mjs';
import { figure } from '../figure.mjs';
import { compare, median } from '../measure.mjs';
import { graphileWorker } from '../peers/graphile-worker.mjs';
import { loadPeers } from '../peers/install.mjs';
import { pgBoss } from '../peers/pg-boss.mjs';
import { transactionalOutbox } from '../peers/pg-transactional-outbox.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';
import { rabbitmqExchange } from '../servers/rabbitmq.mjs';
import { signalboxPath, untilHandled } from '../whole-path.mjs';

const callers = 64;
const connections = 16;

/** The whole path against the libraries that do this job, over PostgreSQL alone: they need no broker. */
export const peers = {
  name: 'peers',
  title: `the whole path against other libraries, ${callers} callers`,
  run: (options) =>
    scoped(async (open) => {
      const libraries = await loadPeers(options.log);
      const broker = open(await rabbitmqExchange());
      const ours = await signalboxPath(open, broker, callers);
      const theirs = [];
      for (const peer of [graphileWorker, pgBoss, transactionalOutbox]) {
        theirs.push(await peerPath(open, libraries, peer));
      }
      const [subject, ...references] = await compare([ours.contender, ...theirs], options);
      const rateOf = ({ samples }) => median(samples.map(({ rate }) => rate));
      const [bestOfThem, ...others] = references.toSorted((a, b) => rateOf(b) - rateOf(a));
      const name = 'whole path, against the best peer';
      return {
        settings: await postgresSettings(ours.database.dataSource),
        figures: [
          figure({ name, goal: { least: 6 }, subject, reference: bestOfThem }),
          ...others.map((reference) =>
            figure({ name: 'whole path, against another peer', subject, reference }),
          ),
        ],
      };
    }),
};

/** The transaction by hand, with the peer's own job in the place of the outbox row. */
async function peerPath(open, libraries, peer) {
  const { url, uuids } = open(await postgresDatabase());
  const count = { handled: 0 };
  const admin = open({ ...adminOf(url) });
  const worker = open(
    await peer(libraries, { url, admin: admin.pool, handle: () => (count.handled += 1) }),
  );
  const way = open(transaction(url, uuids, { connections, callers, announce: worker.enqueue }));
  return untilHandled(worker.name, callers, way.operation, count);
}

function adminOf(url) {
  const pool = openPool(url, 1);
  return { pool, close: () => pool.end() };
}
