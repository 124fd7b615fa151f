import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { PrivateNats } from '../../support/private-nats.js';
import type { Fault } from './broker-faults.js';

/** What may happen to one NATS server, and to what it keeps for a pool. */
export function natsFaults(server: PrivateNats): readonly Fault[] {
  return [
    {
      name: 'NATS is killed and starts',
      strike: () => server.kill(),
      mend: () => server.start(),
    },
    {
      name: 'NATS stops and starts',
      strike: () => server.stop(),
      mend: () => server.start(),
    },
    {
      name: 'NATS freezes',
      // Until nobody holds the pool any more.
      lasts: 4000,
      strike: async () => server.pause(),
      mend: async () => server.resume(),
    },
    {
      name: 'the consumers of the pool are deleted',
      strike: async () => {
        const connection = await connect({ servers: `127.0.0.1:${server.port}` });
        const manager = await jetstreamManager(connection);
        for (const { name } of await manager.consumers.list('signalbox').next()) {
          await manager.consumers.delete('signalbox', name);
        }
        await connection.close();
      },
    },
  ];
}
