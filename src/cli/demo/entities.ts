import { Column, Entity } from 'typeorm';
import { network, snapshot, virtualMachine, volume } from '../../../machines/index.js';
import { ResourceEntity } from '../../persistence/resource/resource-entity.js';

@Entity('demo_virtual_machine')
export class VirtualMachine extends ResourceEntity<typeof virtualMachine> {
  static readonly lifecycle = virtualMachine;

  @Column({ type: String, length: 64 })
  name!: string;

  @Column({ type: 'uuid', nullable: true, name: 'network_id' })
  networkId!: string | null;
}

@Entity('demo_network')
export class Network extends ResourceEntity<typeof network> {
  static readonly lifecycle = network;

  @Column({ type: String, length: 64 })
  name!: string;
}

@Entity('demo_volume')
export class Volume extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;

  @Column({ type: Number, name: 'size_gib' })
  sizeGib!: number;

  @Column({ type: 'uuid', nullable: true, name: 'instance_id' })
  instanceId!: string | null;
}

@Entity('demo_snapshot')
export class Snapshot extends ResourceEntity<typeof snapshot> {
  static readonly lifecycle = snapshot;

  @Column({ type: 'uuid', name: 'volume_id' })
  volumeId!: string;
}

export const demoResources = [VirtualMachine, Network, Volume, Snapshot] as const;
