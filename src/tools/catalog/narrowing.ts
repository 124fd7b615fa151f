import type { JsonValue } from '../../core/json/json.js';
import type { JsonSchema, JsonTypeName } from '../../core/json/json-schema.js';
import type { Announced, Occasion } from './occasion.js';

/** Returns the schema of an event beyond that of its category. Pure. */
export function narrowingOf(resource: string, announced: Announced): JsonSchema {
  const { category, type } = announced;
  return {
    required: ['subject', 'partitionkey'],
    properties: {
      type: { const: type },
      subject: { pattern: `^${resource.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, escaped)}/` },
      data: category === 'ResourceStateEvent' ? stateData(announced) : effectData(announced),
    },
  };
}

// `-` has no escape outside of a class under the `u` flag, and needs none there.
function escaped(character: string): string {
  return character === '-' ? '-' : `\\${character}`;
}

function stateData({ type, occasions }: Announced): JsonSchema {
  return {
    properties: {
      event: { const: type },
      old: states(occasions.map(({ change }) => change.old)),
      new: states(occasions.map(({ change }) => change.new)),
    },
  };
}

/** Exactly these states; where null is among them, any state or null. */
function states(names: readonly (string | null)[]): JsonSchema {
  const declared = [...new Set(names)].filter((name) => name !== null);
  if (declared.length === 0) return { type: 'null' };
  if (names.includes(null)) return { type: ['string', 'null'] };
  return { type: 'string', enum: declared };
}

// A call may announce the same type without a transition, so that nothing here is required.
function effectData({ occasions }: Announced): JsonSchema {
  const moved = occasions.some(({ deadline }) => deadline === undefined);
  const stuck = occasions.some(({ deadline }) => deadline !== undefined);
  return {
    properties: {
      details: {
        type: 'object',
        properties: {
          ...staticFacts(occasions),
          ...(moved ? { transition: transitionSchema } : {}),
          ...(stuck ? { deadline: { type: 'string' }, state: { type: 'string' } } : {}),
        },
      },
    },
  };
}

const transitionSchema: JsonSchema = {
  type: 'object',
  required: ['event', 'old', 'new'],
  properties: {
    event: { type: 'string' },
    old: { type: ['string', 'null'] },
    new: { type: ['string', 'null'] },
  },
};

function staticFacts(occasions: readonly Occasion[]): Readonly<Record<string, JsonSchema>> {
  const types = new Map<string, Set<JsonTypeName | undefined>>();
  for (const { effect } of occasions) {
    for (const [name, value] of Object.entries(effect?.data ?? {})) {
      types.set(name, (types.get(name) ?? new Set()).add(typeName(value)));
    }
  }
  return Object.fromEntries(
    [...types].map(([name, found]) => {
      const [type, ...others] = [...found].filter((one) => one !== undefined);
      // An array, or what differs from one transition to the next: any value.
      return [name, type === undefined || others.length > 0 || found.size > 1 ? {} : { type }];
    }),
  );
}

function typeName(value: JsonValue): JsonTypeName | undefined {
  if (value === null) return 'null';
  if (Array.isArray(value)) return undefined;
  return typeof value as JsonTypeName;
}
