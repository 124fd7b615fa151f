/** One error of TypeBox, as far as it is told on. */
interface SchemaFault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

/** Pure. What is wrong with a value by the first error of its schema, and where. */
export function firstFault(faults: readonly SchemaFault[]): {
  readonly property: string;
  readonly problem: string;
} {
  const fault = faults[0];
  if (fault === undefined) {
    return { property: '', problem: 'does not satisfy its schema' };
  }
  const path = fault.instancePath.split('/').slice(1);
  if (fault.keyword === 'required') {
    const { requiredProperties = [] } = fault.params as {
      readonly requiredProperties?: readonly string[];
    };
    return {
      property: [...path, ...requiredProperties.slice(0, 1)].join('.'),
      problem: 'is missing',
    };
  }
  return { property: path.join('.'), problem: fault.message };
}
