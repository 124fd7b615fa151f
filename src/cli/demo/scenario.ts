import type { DataSource } from 'typeorm';
import { ConflictError, RefusedError } from '../../core/errors/errors.js';
import type { Signalbox } from '../../signalbox/signalbox.js';
import { Network, Snapshot, VirtualMachine, Volume } from './entities.js';

/** Tells the onlooker what the orchestration is about to do. */
export type Narrator = (line: string) => Promise<void>;

/**
 * An orchestrator at work: a network, two volumes, a machine and its snapshots, from creation to
 * removal, with a failed start, a refused event, a lost race and a recovery on the way.
 */
export async function runScenario(
  signalbox: Signalbox,
  dataSource: DataSource,
  tell: Narrator,
): Promise<void> {
  await signalbox.withContext({ actor: 'alice', correlationId: 'deploy-web-1' }, async () => {
    await tell('A network is created and implemented.');
    const network = await signalbox.create(Network, { name: 'tier-1', account: 'acme' });
    await signalbox.transition(Network, network.uuid, 'ImplementNetwork');
    await signalbox.transition(Network, network.uuid, 'OperationSucceeded');

    await tell('Two volumes are created side by side.');
    const volumes = await Promise.all(
      [10, 100].map(async (sizeGib) => {
        const volume = await signalbox.create(Volume, { sizeGib, account: 'acme' });
        await signalbox.transition(Volume, volume.uuid, 'CreateRequested');
        await signalbox.transition(Volume, volume.uuid, 'OperationSucceeded');
        return volume;
      }),
    );
    const [root, data] = volumes;

    await tell('A machine is created; its first start fails.');
    const vm = await signalbox.create(VirtualMachine, {
      name: 'web-1',
      account: 'acme',
      networkId: network.uuid,
    });
    const subject = { resource: 'VirtualMachine', uuid: vm.uuid };
    await signalbox
      .action('VM.START', { subject, description: 'starting web-1' }, async () => {
        await signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested');
        await signalbox.transition(VirtualMachine, vm.uuid, 'OperationFailed', {
          reason: 'host-7 has no free memory',
        });
        throw new Error('host-7 has no free memory');
      })
      .catch(() => undefined);

    await tell('The second start succeeds, on another host.');
    await signalbox.action('VM.START', { subject, description: 'starting web-1' }, async () => {
      await signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested');
      await signalbox.transition(VirtualMachine, vm.uuid, 'OperationSucceeded');
    });

    await tell('A volume is attached: state and column in one transaction of our own.');
    await dataSource.transaction(async (manager) => {
      const volume = await manager.findOneByOrFail(Volume, { uuid: root?.uuid ?? '' });
      signalbox.send(volume, 'AttachRequested', { reason: 'root disk' });
      volume.instanceId = vm.uuid;
      await manager.save(volume);
    });
    await signalbox.transition(Volume, root?.uuid ?? '', 'OperationSucceeded');

    await tell('Starting a machine that runs is refused; nothing is written.');
    await signalbox
      .transition(VirtualMachine, vm.uuid, 'StartRequested')
      .catch(async (error: unknown) => {
        if (!(error instanceof RefusedError)) throw error;
        await tell(`  refused: ${error.message}`);
      });

    await tell('Two orchestrators race to stop it from the same revision; one loses.');
    const { revision } = await dataSource.manager.findOneByOrFail(VirtualMachine, {
      uuid: vm.uuid,
    });
    const race = await Promise.allSettled(
      ['bob', 'carol'].map((actor) =>
        signalbox.transition(VirtualMachine, vm.uuid, 'StopRequested', {
          actor,
          expectedRevision: revision,
        }),
      ),
    );
    for (const result of race) {
      if (result.status === 'rejected') {
        if (!(result.reason instanceof ConflictError)) throw result.reason;
        await tell(`  lost the race: ${result.reason.message}`);
      }
    }
    await signalbox.transition(VirtualMachine, vm.uuid, 'OperationSucceeded');

    await tell('The root volume is snapshotted, as a job that anyone can follow.');
    const job = await signalbox.jobs.submit('createSnapshot', {
      subject: { resource: 'Volume', uuid: root?.uuid ?? '' },
    });
    await signalbox.transition(Volume, root?.uuid ?? '', 'SnapshotRequested');
    const snapshot = await signalbox.create(Snapshot, { volumeId: root?.uuid ?? '' });
    await signalbox.transition(Snapshot, snapshot.uuid, 'CreateRequested');
    await signalbox.transition(Snapshot, snapshot.uuid, 'OperationSucceeded');
    await signalbox.jobs.update(job, 50);
    await signalbox.transition(Snapshot, snapshot.uuid, 'BackupToSecondary');
    await signalbox.transition(Snapshot, snapshot.uuid, 'OperationSucceeded');
    await signalbox.transition(Volume, root?.uuid ?? '', 'OperationSucceeded');
    await signalbox.jobs.complete(job, { snapshot: snapshot.uuid });

    await tell('The machine is destroyed by mistake, and recovered.');
    await signalbox.transition(VirtualMachine, vm.uuid, 'DestroyRequested');
    await signalbox.transition(VirtualMachine, vm.uuid, 'RecoveryRequested', {
      reason: 'destroyed by mistake',
    });

    await tell('A second snapshot fails; somebody is told.');
    const failed = await signalbox.create(Snapshot, { volumeId: root?.uuid ?? '' });
    await signalbox.transition(Snapshot, failed.uuid, 'CreateRequested');
    await signalbox.transition(Snapshot, failed.uuid, 'OperationFailed', {
      reason: 'secondary storage is full',
    });
    await signalbox.raiseAlert('ALERT.STORAGE.SECONDARY', 'Secondary storage is full', {
      subject: { resource: 'Snapshot', uuid: failed.uuid },
    });

    await tell('The data volume is not needed any more: destroyed, expunged, its row removed.');
    const spare = data?.uuid ?? '';
    await signalbox.transition(Volume, spare, 'DestroyRequested');
    await signalbox.transition(Volume, spare, 'ExpungingRequested');
    await signalbox.transition(Volume, spare, 'OperationSucceeded');
    await signalbox.remove(await dataSource.manager.findOneByOrFail(Volume, { uuid: spare }));
  });
}
