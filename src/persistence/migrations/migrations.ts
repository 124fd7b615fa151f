import { CreateSignalbox1700000000000 } from './1700000000000-create-signalbox.js';
import { AddConsumers1764000000000 } from './1764000000000-add-consumers.js';
import { AddApplications1796083200000 } from './1796083200000-add-applications.js';

/**
 * The migrations of the signalbox tables, for your DataSource: `migrations: [...migrations, …]`.
 * `signalbox migrate` runs the same ones from the command line; use one of the two on a database.
 */
export const migrations = [
  CreateSignalbox1700000000000,
  AddConsumers1764000000000,
  AddApplications1796083200000,
] as const;
