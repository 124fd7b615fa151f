import { consume } from './consume.mjs';
import { growth } from './growth.mjs';
import { hotResources } from './hot.mjs';
import { importing } from './import.mjs';
import { latency } from './latency.mjs';
import { mariadb } from './mariadb.mjs';
import { path } from './path.mjs';
import { peers } from './peers.mjs';
import { postgres } from './postgres.mjs';
import { relay } from './relay.mjs';
import { save } from './save.mjs';
import { scaling } from './scaling.mjs';
import { sqlite } from './sqlite.mjs';
import { step } from './step.mjs';
import { topic } from './topic.mjs';

/** In the order of the table. Each resolves with `{ settings, figures }`. */
export const suites = [
  postgres,
  mariadb,
  hotResources,
  save,
  sqlite,
  relay,
  consume,
  latency,
  path,
  peers,
  step,
  topic,
  growth,
  scaling,
  importing,
];
