import type { AmbientContext } from '../../context/ambient.js';
import type { ResourceBinding } from '../resource/binding.js';
import type { PlannedWriter } from '../commit/guarded-transition.js';
import type { EventContext } from '../../core/planning/event-context.js';
import type { Store } from '../store.js';

/** Parts of a subscriber. */
export interface SubscriberParts {
  readonly bindings: readonly ResourceBinding[];
  readonly store: Store & PlannedWriter;
  /** Gives each announcement its origin. */
  readonly origin: (given?: AmbientContext) => EventContext;
  /** The largest event in bytes of UTF-8. Default 262,144. */
  readonly maxPayload?: number;
}

/** Context of a save or a removal, given before it: the actor and the reason. */
export interface EntityDescription extends AmbientContext {
  readonly reason?: string;
}
