import { VirtualMachine } from '../../../src/cli/demo/entities.js';
import type { ResourceRow } from '../../../src/testing/index.js';
import type { Cloud } from '../../e2e/support/cloud.js';

/** The virtual machines as their rows are now. */
export async function machineRows({
  dataSource,
}: Pick<Cloud, 'dataSource'>): Promise<readonly ResourceRow[]> {
  const machines = await dataSource.manager.find(VirtualMachine);
  return machines.map(({ uuid, state, revision }) => ({ uuid, state, revision }));
}
