import { hotResources } from './hot.mjs';
import { postgres } from './postgres.mjs';
import { save } from './save.mjs';
import { step } from './step.mjs';
import { topic } from './topic.mjs';

/** In the order of the table. Each resolves with `{ settings, figures }`. */
export const suites = [postgres, hotResources, save, step, topic];
