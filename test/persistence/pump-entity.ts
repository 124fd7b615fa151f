import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { pump } from './pump.js';

@Entity('pump')
export class Pump extends ResourceEntity {
  static readonly lifecycle = pump;
  static context({ level }: { readonly level: number }): { level: number } {
    return { level };
  }

  @Column({ type: Number, default: 0 })
  level!: number;
}
