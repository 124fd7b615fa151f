import type {
  Attempt,
  Delivery,
  DeliveryStatus,
  Endpoint,
  EndpointSecret,
  EndpointSettings,
  EndpointStatus,
  LoggedEvent,
  Reach,
} from '../model.js';

/** Drivers give 64-bit integers as text. */
type Integer = number | string;

export interface EventRow {
  readonly seq: Integer;
  readonly id: string;
  readonly category: string;
  readonly type: string;
  readonly resource: string | null;
  readonly uuid: string | null;
  readonly revision: Integer | null;
  readonly time: string;
  readonly account: string | null;
  readonly domain: string | null;
  readonly project: string | null;
  readonly payload: string;
}

export const eventColumns = [
  'seq',
  'id',
  'category',
  'type',
  'resource',
  'uuid',
  'revision',
  'time',
  'account',
  'domain',
  'project',
  'payload',
] as const;

export function loggedEvent(row: EventRow): LoggedEvent {
  const { seq, id, category, type, resource, uuid, revision, time } = row;
  const { account, domain, project, payload } = row;
  return {
    seq: Number(seq),
    id,
    category,
    type,
    resource,
    uuid,
    revision: numberOrNull(revision),
    time,
    account,
    domain,
    project,
    payload,
  };
}

export interface EndpointRow {
  readonly id: string;
  readonly channel: string;
  readonly address: string;
  readonly name: string;
  readonly account: string;
  readonly domain: string;
  readonly reach: Reach;
  readonly ordered: Integer;
  readonly lane: Integer;
  readonly status: EndpointStatus;
  readonly reason: string;
  readonly status_at: Integer;
  readonly failing_since: Integer | null;
  readonly failures: Integer;
  readonly considered: Integer;
  readonly settings: string;
  readonly secrets: string;
  readonly expires_at: Integer | null;
  readonly created_at: Integer;
  readonly version: Integer;
}

export function endpointOf(row: EndpointRow): Endpoint {
  const { id, channel, address, name, account, domain, reach, status, reason } = row;
  return {
    id,
    channel,
    address,
    name,
    owner: { account, domain, reach },
    ordered: Number(row.ordered) === 1,
    lane: Number(row.lane),
    status,
    reason,
    statusAt: Number(row.status_at),
    failingSince: numberOrNull(row.failing_since),
    failures: Number(row.failures),
    considered: Number(row.considered),
    settings: JSON.parse(row.settings) as EndpointSettings,
    secrets: JSON.parse(row.secrets) as readonly EndpointSecret[],
    expiresAt: numberOrNull(row.expires_at),
    createdAt: Number(row.created_at),
    version: Number(row.version),
  };
}

export interface DeliveryRow {
  readonly delivery_id: string;
  readonly endpoint: string;
  readonly event_seq: Integer;
  readonly replay: string;
  readonly resource_key: string;
  readonly delivery_revision: Integer | null;
  readonly status: DeliveryStatus;
  readonly next_at: Integer;
  readonly attempts: Integer;
  readonly outcome: string;
  readonly created_at: Integer;
  readonly settled_at: Integer | null;
}

/** Columns of a delivery `d`, with names that a join with its event leaves apart. */
export const deliveryColumns = `d.id AS delivery_id, d.endpoint, d.event_seq, d.replay, d.resource_key,
  d.revision AS delivery_revision, d.status, d.next_at, d.attempts, d.outcome, d.created_at, d.settled_at`;

export function deliveryOf(row: DeliveryRow): Delivery {
  return {
    id: row.delivery_id,
    endpoint: row.endpoint,
    eventSeq: Number(row.event_seq),
    replay: row.replay,
    resourceKey: row.resource_key,
    revision: numberOrNull(row.delivery_revision),
    status: row.status,
    nextAt: Number(row.next_at),
    attempts: Number(row.attempts),
    outcome: row.outcome,
    createdAt: Number(row.created_at),
    settledAt: numberOrNull(row.settled_at),
  };
}

export interface AttemptRow {
  readonly delivery: string;
  readonly endpoint: string;
  readonly started_at: Integer;
  readonly duration: Integer;
  readonly outcome: string;
  readonly status: Integer | null;
  readonly error: string | null;
  readonly body: string | null;
}

export function attemptOf(row: AttemptRow): Attempt {
  const { delivery, endpoint, outcome, error, body } = row;
  return {
    delivery,
    endpoint,
    startedAt: Number(row.started_at),
    duration: Number(row.duration),
    outcome,
    status: numberOrNull(row.status),
    error,
    body,
  };
}

function numberOrNull(value: Integer | null): number | null {
  return value === null ? null : Number(value);
}
