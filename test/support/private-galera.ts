import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { freePort } from '../../scripts/servers/free-port.js';
import { program } from '../../scripts/servers/programs.js';
import { systemUser } from '../../scripts/servers/system-user.js';
import { eventually } from './eventually.js';
import { type PrivateMariadb, startPrivateMariadb } from './private-mariadb.js';

/** Three servers that replicate synchronously, each of which takes writes: a Galera cluster. */
export interface PrivateGalera {
  /** Each may be stopped, killed, frozen and started again; `start` resolves when it has rejoined. */
  readonly nodes: readonly [PrivateMariadb, PrivateMariadb, PrivateMariadb];
  /**
   * Has a node receive what the others commit and apply none of it, and no write of its own, until the
   * function returned is called: what it answers in between is old.
   */
  holdBack(node: PrivateMariadb): Promise<() => Promise<void>>;
  /** Cuts a node off from the others, clients left as they are. It then refuses statements. */
  isolate(node: PrivateMariadb): Promise<void>;
  /** Undoes `isolate`; resolves when the node takes statements again. */
  rejoin(node: PrivateMariadb): Promise<void>;
  /** Resolves when every node has applied all that was committed on any. */
  caughtUp(): Promise<void>;
  dispose(): Promise<void>;
}

const provider = '/usr/lib/galera/libgalera_smm.so';
const patience = { deadline: 60_000, every: 100 };

/**
 * Starts three nodes on the loopback, of Debian's `galera-4`, which `mariadb-server` brings. Resolves
 * when all are members. Takes some ten seconds and 400 MB: one for a test file at most.
 *
 * It is for every test of what several writers, a lagging node or a node that left do to a caller:
 * `new DataSource({ type: 'mariadb', url: galera.nodes[1].url('name') })`; databases and tables that are
 * made on one node are on all.
 */
export async function startPrivateGalera(options: readonly string[] = []): Promise<PrivateGalera> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const nodes: PrivateMariadb[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.dispose()));
  };

  const startNode = async (index: number): Promise<PrivateMariadb> => {
    const own = [
      '--wsrep-on=ON',
      `--wsrep-provider=${provider}`,
      '--binlog-format=ROW',
      '--innodb-autoinc-lock-mode=2',
      '--wsrep-cluster-name=signalbox',
      `--wsrep-cluster-address=gcomm://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`,
      `--wsrep-node-name=node-${index}`,
      `--wsrep-node-address=127.0.0.1:${ports[index]}`,
      `--wsrep-provider-options=${[
        `gmcast.listen_addr=tcp://127.0.0.1:${ports[index]}`,
        `ist.recv_addr=127.0.0.1:${await freePort()}`,
        'gcache.size=32M',
        // The suspicion of a node that is silent, which is five seconds by default.
        'evs.keepalive_period=PT0.5S',
        'evs.suspect_timeout=PT2S',
        'evs.inactive_timeout=PT4S',
      ].join(';')}`,
      '--wsrep-sst-method=rsync',
      `--wsrep-sst-receive-address=127.0.0.1:${await freePort()}`,
      ...options,
    ];
    return startPrivateMariadb(own, {
      // The others get a copy of the first one's data when they join.
      isEmpty: index > 0,
      async beforeStart(data, isFirst) {
        if (isFirst) return index === 0 ? ['--wsrep-new-cluster'] : [];
        const position = await recoveredPosition(data, own);
        return position === undefined ? [] : [`--wsrep-start-position=${position}`];
      },
    });
  };

  try {
    nodes.push(await startNode(0));
    nodes.push(...(await Promise.all([startNode(1), startNode(2)])));
    await Promise.all(nodes.map((node) => eventually(() => isMember(node, 3), patience)));
  } catch (error) {
    await dispose();
    throw error;
  }

  return {
    nodes: nodes as unknown as PrivateGalera['nodes'],
    async holdBack(node) {
      const session = await createConnection({ uri: `mysql://root@127.0.0.1:${node.port}/` });
      session.on('error', () => {});
      // Out of step by permission: else the others would wait for it.
      await session.query('SET GLOBAL wsrep_desync = ON');
      await session.query('FLUSH TABLES WITH READ LOCK');
      return async () => {
        await session.query('UNLOCK TABLES');
        await session.query('SET GLOBAL wsrep_desync = OFF');
        session.destroy();
      };
    },
    async isolate(node) {
      await node.query(`SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'`);
      await eventually(async () => {
        const [ready] = await node.query(`SHOW STATUS LIKE 'wsrep_ready'`);
        if (ready?.['Value'] !== 'OFF') throw new Error('the node takes statements');
      }, patience);
    },
    async rejoin(node) {
      await node.query(`SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'`);
      await eventually(() => isMember(node, 2), patience);
    },
    async caughtUp() {
      const committed = await Promise.all(
        nodes.map(async (node) => {
          const [row] = await node.query(`SHOW STATUS LIKE 'wsrep_last_committed'`);
          return Number(row?.['Value']);
        }),
      );
      const last = Math.max(...committed);
      await eventually(async () => {
        for (const node of nodes) {
          const [row] = await node.query(`SHOW STATUS LIKE 'wsrep_last_committed'`);
          if (!(Number(row?.['Value']) >= last))
            throw new Error(`at ${String(row?.['Value'])} of ${last}`);
        }
      }, patience);
    },
    dispose,
  };
}

async function isMember(node: PrivateMariadb, atLeast: number): Promise<void> {
  const rows = await node.query(
    `SHOW STATUS WHERE Variable_name IN ('wsrep_cluster_size', 'wsrep_local_state_comment', 'wsrep_ready')`,
  );
  const status = new Map(rows.map((row) => [row['Variable_name'], row['Value']]));
  const state = [...status].map(([name, value]) => `${String(name)} ${String(value)}`).join(', ');
  if (
    status.get('wsrep_ready') !== 'ON' ||
    status.get('wsrep_local_state_comment') !== 'Synced' ||
    Number(status.get('wsrep_cluster_size')) < atLeast
  ) {
    throw new Error(state);
  }
}

/** Where a node stands that was killed: its own file does not tell, so the server is asked. */
async function recoveredPosition(
  data: string,
  options: readonly string[],
): Promise<string | undefined> {
  const log = await new Promise<string>((resolve, reject) => {
    const child = spawn(
      program('mariadbd'),
      [
        '--no-defaults',
        `--datadir=${data}`,
        '--innodb-log-file-size=16M',
        '--innodb-buffer-pool-size=32M',
        ...options,
        '--wsrep-recover',
        '--skip-networking',
        `--socket=${join(data, '..', 'recovery')}`,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], ...systemUser('mysql') },
    );
    let told = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (told += chunk.toString()));
    }
    child.once('error', reject);
    child.once('exit', () => resolve(told));
  });
  return /Recovered position:\s*([0-9a-f-]{36}:-?\d+)/.exec(log)?.[1];
}
