import { headParts, payloadContext, payloadHead } from '../../core/planning/announcement.js';
import type { ResourceBinding } from '../resource/binding.js';
import { partitionOf } from '../partition.js';
import type { TransitionRequest } from '../../core/planning/transition-request.js';
import { plainArray, textList } from './arrays.js';
import { bigintArray, intArray, smallintArray, timeArray, uuidArray } from './binary-arrays.js';
import { sinceText } from './columns.js';
import type { Edge, EventEdges } from './edges.js';
import type { PreparedValue } from './prepared.js';
import type { StatementVariant } from './transition-statement.js';

const stateEvent = 'ResourceStateEvent';

/** The parameters of the transition statement for one batch. */
export interface StatementParameters {
  readonly variant: Omit<StatementVariant, 'several'>;
  readonly values: readonly PreparedValue[];
  /** For each request, the id of its state event, then one for each saying of its event. */
  readonly ids: readonly (readonly string[])[];
}

/**
 * The edges that the events of a batch can take, as parameters. Made once for each set of events and
 * sources: an edge comes once for each source, with the part of the payload that names it.
 */
export interface EdgeParameters {
  /** The numbers of events rise by so much from one source to the next. */
  readonly stride: number;
  readonly sources: readonly string[];
  readonly variant: Omit<StatementVariant, 'several'>;
  readonly edges: readonly string[];
  readonly effects: readonly string[];
  readonly deadlines: readonly string[];
}

/**
 * Writes the edges of some events as parameters. Pure.
 *
 * @param several For a batch; a single request has one source.
 */
export function edgeParameters(
  { resource }: ResourceBinding,
  events: readonly EventEdges[],
  sources: readonly string[],
  several: boolean,
): EdgeParameters {
  const stride = 1 + Math.max(0, ...events.map(({ number }) => number));
  const unique = events.flatMap(({ number, edges }) =>
    edges.map((edge) => ({ event: number, edge })),
  );
  const all = sources.flatMap((source, index) =>
    unique.map(({ event, edge }) => ({ source, event: event + index * stride, edge })),
  );
  const column = (read: (edge: Edge, source: string) => string) =>
    textList(all.map(({ edge, source }) => read(edge, source)));
  const effects = unique.flatMap(({ edge }) =>
    edge.effects.map((effect, index) => ({ ...effect, edge: edge.number, place: index + 1 })),
  );
  const cancels = unique.flatMap(({ edge }) =>
    edge.cancels.map((place) => ({
      edge: edge.number,
      place,
      // The separator stands before each, so that the text is never empty.
      kept: edge.arms.map(({ id }) => `\n${id}`).join('') || '\n',
    })),
  );
  const arms = unique.flatMap(({ edge }) =>
    edge.arms.map(({ id, after }) => ({ edge: edge.number, id, after })),
  );
  return {
    stride,
    sources,
    variant: {
      effects: effects.length > 0,
      cancels: cancels.length > 0,
      arms: arms.length > 0,
      choice: all.length > 1,
    },
    edges: [
      plainArray(all.map(({ edge }) => edge.number)),
      plainArray(all.map(({ event }) => event)),
      column(({ from }) => from),
      column(({ to }) => to),
      column(({ row }) => row.event),
      column(({ data }) => data),
      resource,
      ...(several
        ? [
            column((_, source) => source),
            column(({ row }, source) => headParts.subject(source, row.event, resource)),
          ]
        : []),
    ],
    effects: [
      plainArray(effects.map(({ edge }) => edge)),
      plainArray(effects.map(({ place }) => place)),
      plainArray(effects.map(({ effectSlot }) => effectSlot)),
      plainArray(effects.map(({ dataTail }) => String(dataTail !== null))),
      textList(effects.map(({ effect }) => effect.category)),
      textList(effects.map(({ effect }) => effect.type)),
      textList(effects.map(({ dataHead }) => dataHead)),
      textList(effects.map(({ dataTail }) => `${dataTail ?? ''}}`)),
    ],
    deadlines: [
      ...(cancels.length === 0
        ? []
        : [
            plainArray(cancels.map(({ edge }) => edge)),
            textList(cancels.map(({ place }) => place)),
            textList(cancels.map(({ kept }) => kept)),
          ]),
      ...(arms.length === 0
        ? []
        : [
            plainArray(arms.map(({ edge }) => edge)),
            textList(arms.map(({ id }) => id)),
            plainArray(arms.map(({ after }) => after)),
          ]),
    ],
  };
}

/**
 * Writes a batch as parameters, or a single request where the statement is one for it. Pure, but for
 * `nextId`.
 */
export function statementParameters(
  binding: ResourceBinding,
  batch: readonly TransitionRequest[],
  several: boolean,
  eventEdges: ReadonlyMap<string, EventEdges>,
  { variant, stride, sources, edges, effects, deadlines }: EdgeParameters,
  nextId: () => string,
): StatementParameters {
  const { resource, columns } = binding;
  const ids: string[][] = [];
  const sayings = {
    ord: [] as number[],
    effectSlot: [] as number[],
    id: [] as string[],
    head: [] as string[],
  };
  batch.forEach(({ uuid, event, origin }, index) => {
    const id = nextId();
    const own = [id];
    ids.push(own);
    const emitted = eventEdges.get(event)?.sayings ?? [];
    if (emitted.length === 0) {
      return;
    }
    const subject = { resource, uuid };
    const caused = { ...origin, causationId: id };
    emitted.forEach(({ category, type }, effectSlot) => {
      const sayingId = nextId();
      own.push(sayingId);
      sayings.ord.push(index + 1);
      sayings.effectSlot.push(effectSlot);
      sayings.id.push(sayingId);
      sayings.head.push(payloadHead({ id: sayingId, origin: caused, category, type, subject }));
    });
  });
  const since = columns.stateSince;
  const stateIds = ids.map(([id]) => id as string);
  const numberOf = ({ event, origin }: TransitionRequest) => {
    const number = eventEdges.get(event)?.number;
    return number === undefined ? -1 : number + stride * sources.indexOf(origin.source);
  };
  const [first] = batch as readonly [TransitionRequest];
  const plain = several
    ? [
        uuidArray(batch.map(({ uuid }) => uuid)),
        intArray(batch.map(numberOf)),
        bigintArray(batch.map(({ expectedRevision }) => expectedRevision)),
        uuidArray(stateIds),
        smallintArray(batch.map(({ uuid }) => partitionOf(uuid))),
        timeArray(batch.map(({ origin }) => origin.time)),
        textList(batch.map(({ origin }) => origin.time)),
        textList(batch.map(({ origin }) => payloadContext(origin, stateEvent))),
      ]
    : [
        first.uuid,
        String(numberOf(first)),
        first.expectedRevision === undefined ? null : String(first.expectedRevision),
        stateIds[0] as string,
        String(partitionOf(first.uuid)),
        first.origin.time,
        first.origin.source,
        payloadHead({
          id: stateIds[0] as string,
          origin: first.origin,
          category: stateEvent,
          type: first.event,
          subject: { resource, uuid: first.uuid },
        }),
      ];
  const values = [
    ...plain,
    textList(
      batch.map(({ reason }) =>
        reason === undefined ? '}}' : `,"reason":${JSON.stringify(reason)}}}`,
      ),
    ),
    textList(
      batch.map(({ origin }) => (since === undefined ? '-' : sinceText(since, origin.time))),
    ),
    ...edges,
    ...(variant.effects
      ? [
          ...effects,
          intArray(sayings.ord),
          intArray(sayings.effectSlot),
          uuidArray(sayings.id),
          textList(sayings.head),
        ]
      : []),
    ...deadlines,
  ];
  return { variant, values, ids };
}
