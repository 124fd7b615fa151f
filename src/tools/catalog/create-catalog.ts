import { withArticle, withCapitalArticle } from '../../core/lifecycle/with-article.js';
import type { Category } from '../../core/events/category.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import { sameRoutingWords } from '../../core/events/same-routing-words.js';
import { routingWord } from '../../core/events/routing-key.js';
import { eventSchemas } from '../../core/events/schemas.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { JsonSchema } from '../../core/json/json-schema.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { announceChange, announceDeadline } from '../../core/planning/transition-announcements.js';
import { annotate } from './annotate.js';
import type { Catalog, CatalogEntry } from './catalog.js';
import { mergeSchemas } from './merge-schemas.js';
import { narrowingOf } from './narrowing.js';
import { withoutIdentity } from './without-identity.js';
import { announcedBy, type Announced, type Occasion } from './occasion.js';

/**
 * Every event that the lifecycles can announce: state changes, creation, removal, passed deadlines, and
 * effects; each with its channel, its schema and an example. Pure; the same lifecycles always give the
 * same catalog, in the same order.
 *
 * What an application announces by calls (`action`, `recordUsage`, `raiseAlert`, `jobs`) is not in it, since no
 * lifecycle declares it. Where such a call uses a type that a lifecycle uses too, its event satisfies the
 * schema as well.
 *
 * Throws ConfigurationError ARGUMENT_INVALID for two lifecycles of one resource type, and for two names
 * of one lifecycle that have one routing key.
 *
 * @example
 * ```ts
 * const document = asyncApi(createCatalog([virtualMachine, volume]));
 * ```
 */
export function createCatalog(lifecycles: readonly AnyLifecycle[]): Catalog {
  const resources = new Set<string>();
  for (const lifecycle of lifecycles) {
    const { resource } = lifecycle;
    const [same] = sameRoutingWords(lifecycle);
    if (same !== undefined) {
      throw new ConfigurationError(
        'ARGUMENT_INVALID',
        `${same.types.map((type) => `'${type}'`).join(' and ')} of ${resource} have one routing key, in which a dot is written as a hyphen. Rename one of them: a catalog has one channel for each.`,
        { parameters: { resource, types: [...same.types] } },
      );
    }
    if (resources.has(resource)) {
      throw new ConfigurationError(
        'ARGUMENT_INVALID',
        `There are two lifecycles of ${resource}. A catalog has one for each resource type.`,
        { parameters: { resource } },
      );
    }
    resources.add(resource);
  }
  const entries = lifecycles.flatMap((lifecycle) =>
    announcedBy(lifecycle).map((announced) => entryOf(lifecycle, announced)),
  );
  const used = new Set(entries.map(({ category }) => category));
  return {
    lifecycles: lifecycles.map(({ resource, version }) => ({ resource, version })),
    entries,
    envelopes: Object.fromEntries([...used].map((category) => [category, envelope(category)])),
  };
}

function envelope(category: Category): JsonSchema {
  return annotate(eventSchemas[category]);
}

function entryOf(lifecycle: AnyLifecycle, announced: Announced): CatalogEntry {
  const { resource } = lifecycle;
  const { category, type, occasions } = announced;
  const narrowing = narrowingOf(resource, announced);
  return {
    id: `${resource}.${category}.${type}`,
    resource,
    category,
    type,
    address: ['{source}', category, routingWord(type), routingWord(resource), '{uuid}'],
    summary: summaryOf(resource, announced),
    occasions: [...new Set(occasions.map(occasionText))],
    narrowing,
    schema: annotate(mergeSchemas(withoutIdentity(eventSchemas[category]), narrowing)),
    example: exampleOf(resource, announced),
  };
}

function summaryOf(resource: string, { category, type }: Announced): string {
  switch (category) {
    case 'ResourceStateEvent':
      return `${withCapitalArticle(resource)} took the event ${type}.`;
    case 'ActionEvent':
      return `The operation ${type} of ${withArticle(resource)} was done.`;
    case 'UsageEvent':
      return `The usage ${type} of ${withArticle(resource)} is metered.`;
    case 'AlertEvent':
      return `Somebody should look after ${withArticle(resource)}: ${type}.`;
  }
}

function occasionText({ change, effect, deadline }: Occasion): string {
  if (deadline !== undefined) return `${deadline.state} for too long`;
  const arrow = `${change.old ?? 'nothing'} → ${change.new ?? 'nothing'}`;
  return effect === undefined ? arrow : `${arrow} on ${change.event}`;
}

const exampleUuid = '9d827485-0f46-4db8-bd39-fede97cbac0c';
const exampleIds = ['019530c5-0a00-7000-8000-000000000001', '019530c5-0a00-7000-8000-000000000002'];

/** The event as the store announces it. */
function exampleOf(resource: string, { category, type, occasions }: Announced): SignalboxEvent {
  const [first] = occasions;
  if (first === undefined) throw new RangeError(`nothing announces ${type}`);
  const { change, effect, deadline } = first;
  const subject = { resource, uuid: exampleUuid, revision: change.old === null ? 1 : 2 };
  const ids = exampleIds.values();
  const options = {
    origin: { source: 'example', time: '2026-01-01T00:00:00.000Z', actor: 'alice' },
    nextId: () => ids.next().value ?? '',
  };
  const entries =
    deadline !== undefined && effect !== undefined
      ? [
          announceDeadline(
            subject,
            { state: deadline.state, deadline: deadline.id, alert: effect },
            options,
          ),
        ]
      : announceChange(subject, change, {
          ...options,
          effects: effect === undefined ? [] : [effect],
        });
  const entry = entries.find(
    (candidate) => candidate.category === category && candidate.type === type,
  );
  return JSON.parse(entry?.payload ?? 'null') as SignalboxEvent;
}
