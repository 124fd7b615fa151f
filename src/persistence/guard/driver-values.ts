import type { BoundColumn } from '../resource/binding.js';

/** What a database driver binds for a property's value: transformers applied, dates converted. */
export function databaseValue({ metadata }: BoundColumn, value: unknown): unknown {
  return metadata.entityMetadata.dataSource.driver.preparePersistentValue(value, metadata);
}

/** What a property holds for a database driver's value. */
export function propertyValue({ metadata }: BoundColumn, raw: unknown): unknown {
  return metadata.entityMetadata.dataSource.driver.prepareHydratedValue(raw, metadata);
}
