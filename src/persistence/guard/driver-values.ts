import type { BoundColumn } from '../resource/binding.js';

/** Returns the value that the driver binds for a property: transformers applied, dates converted. */
export function databaseValue({ metadata }: BoundColumn, value: unknown): unknown {
  return metadata.entityMetadata.dataSource.driver.preparePersistentValue(value, metadata);
}

/** Returns the property's value for a value of the driver. */
export function propertyValue({ metadata }: BoundColumn, raw: unknown): unknown {
  return metadata.entityMetadata.dataSource.driver.prepareHydratedValue(raw, metadata);
}
