import { Column, PrimaryColumn, type ValueTransformer } from 'typeorm';
import type { AnyLifecycle, EventOf, StateOf } from '../../core/lifecycle/lifecycle.js';

// Text and not a timestamp type: the same on every database, in UTC whatever the zones of server,
// driver and process, and it sorts.
const isoDate: ValueTransformer = {
  to: (date: Date | null | undefined) => date?.toISOString(),
  from: (text: string | null | undefined) => (text == null ? text : new Date(text)),
};

/**
 * The columns every resource has, to extend an entity from. Never write `state`, `revision`,
 * `stateSince` or `lifecycleVersion` yourself: a save that does is refused.
 *
 * @example
 * ```ts
 * @Entity('volume')
 * class Volume extends ResourceEntity<typeof volume> {
 *   static readonly lifecycle = volume;
 *   @Column({ type: String, nullable: true }) instanceId!: string | null;
 * }
 * ```
 */
export abstract class ResourceEntity<L extends AnyLifecycle = AnyLifecycle> {
  /**
   * Type only: lets `send(entity, event)` know which events there are. Never set at run time. The names
   * and not the lifecycle, which TypeORM's deep types of what can be inserted would get lost in.
   */
  declare readonly '~event'?: EventOf<L>;

  /** Identifies the resource everywhere; assigned at creation when absent (UUIDv7). */
  @PrimaryColumn({ type: 'uuid' })
  uuid!: string;

  /** Moved by transitions only. */
  @Column({ type: String, length: 255 })
  state!: StateOf<L>;

  /** +1 for every transition, under the row lock. */
  @Column({ type: Number })
  revision!: number;

  /** When the state was last changed. */
  @Column({ type: String, length: 24, name: 'state_since', transformer: isoDate })
  stateSince!: Date;

  /** The version of the lifecycle that made the last transition. */
  @Column({ type: Number, name: 'lifecycle_version' })
  lifecycleVersion!: number;

  /** Owner of the resource; copied into every event, as are `domain` and `project`. */
  @Column({ type: String, length: 255, nullable: true })
  account!: string | null;

  @Column({ type: String, length: 255, nullable: true })
  domain!: string | null;

  @Column({ type: String, length: 255, nullable: true })
  project!: string | null;
}
