import { ConfigurationError } from '../../core/errors/errors.js';
import type { ResourceBinding } from '../resource/binding.js';
import { guardedColumns } from './entity-roles.js';

/**
 * Throws ConfigurationError RESOURCE_MAPPING_INVALID where TypeORM itself would write a column that
 * only a transition may write: a version column rises with every save, a date column moves with it.
 */
export function refuseAutomaticColumns(binding: ResourceBinding): void {
  for (const { property, metadata } of guardedColumns(binding)) {
    if (metadata.isVersion || metadata.isUpdateDate || metadata.isCreateDate) {
      throw new ConfigurationError(
        'RESOURCE_MAPPING_INVALID',
        `Resource class ${binding.entity.name} has column property '${property}', which TypeORM writes ` +
          'by itself at every save. Declare it with @Column.',
        { parameters: { entity: binding.entity.name, property } },
      );
    }
  }
}
