import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { DeliveryStore } from '../../../src/server/store/delivery-store.js';
import { EndpointStore, type NewEndpoint } from '../../../src/server/store/endpoint-store.js';
import { EventStore, type NewEvent } from '../../../src/server/store/event-store.js';
import { ServiceDatabase } from '../../../src/server/store/service-sql.js';
import { TokenStore } from '../../../src/server/store/token-store.js';
import type { Category } from '../../../src/core/events/category.js';
import { dataSchema } from '../../../src/core/events/data-schema.js';
import { everybody } from '../../../src/server/model.js';

/** The stores of one process. */
export function openStores(dataSource: DataSource) {
  const database = new ServiceDatabase(dataSource);
  const events = new EventStore(database, 0);
  return {
    events,
    endpoints: new EndpointStore(database, events, 0),
    deliveries: new DeliveryStore(database, 0),
    tokens: new TokenStore(database, 0),
  };
}

/** An event with what a test asks for. */
export function newEvent(
  given: Partial<Omit<NewEvent, 'payload'>> & { readonly data?: object } = {},
): NewEvent {
  const { data, ...attributes } = given;
  const event = {
    id: uuidv7(),
    category: 'ActionEvent',
    type: 'VM.START',
    resource: null,
    uuid: null,
    revision: null,
    time: '2026-12-01T12:00:00.000Z',
    account: null,
    domain: null,
    project: null,
    ...attributes,
  };
  const { id, category, type, resource, uuid, revision, time, account, domain } = event;
  const payload = JSON.stringify({
    specversion: '1.0',
    id,
    source: 'management-server',
    type,
    ...(uuid === null ? {} : { subject: `${resource}/${uuid}` }),
    time,
    datacontenttype: 'application/json',
    dataschema: dataSchema(category as Category),
    ...(uuid === null ? {} : { partitionkey: uuid }),
    category,
    ...(account === null ? {} : { account }),
    ...(domain === null ? {} : { domain }),
    ...(revision === null ? {} : { revision }),
    data: data ?? { status: 'Completed' },
  });
  return { ...event, payload };
}

/** An active webhook for everybody's events. */
export function newEndpoint(given: Partial<NewEndpoint> = {}): NewEndpoint {
  return {
    id: uuidv7(),
    channel: 'webhook',
    address: 'https://example.test/hook',
    name: '',
    owner: everybody,
    ordered: false,
    status: 'active',
    settings: {},
    secrets: [],
    uniqueKey: null,
    expiresAt: null,
    ...given,
  };
}
