import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { RefusedError } from '../../core/errors/errors.js';
import type { Principal } from '../access/access.js';
import { covers } from '../access/visibility.js';
import type { Channel, Outcome } from '../engine/channel.js';
import { retryDelays } from '../engine/retry-policy.js';
import { checkFilter, endpointWants } from '../filter/endpoint-index.js';
import { Problem } from '../http/problem.js';
import type { Endpoint, EndpointSettings, LoggedEvent, Owner, Reach } from '../model.js';
import type { EndpointChange, EndpointStore } from '../store/endpoint-store.js';
import type { EventStore } from '../store/event-store.js';
import { newSecret, rotated, type Signing } from './signing.js';

/** Input of a new endpoint. */
export interface EndpointInput {
  readonly channel?: string;
  readonly address: string;
  readonly name?: string;
  readonly owner?: { readonly account?: string; readonly domain?: string; readonly reach?: Reach };
  readonly ordered?: boolean;
  readonly settings?: EndpointSettings;
  readonly signing?: Signing;
}

/** A new or changed endpoint, with what is shown once. */
export interface EndpointResult {
  readonly endpoint: Endpoint;
  /** Key to verify signatures with: shown now and never again. */
  readonly secret?: string;
  /** Why it is not active yet. */
  readonly reason?: string;
}

/** Milliseconds in which a receiver shows that it wants events. */
const confirmWithin = 10_000;

/** Operations on endpoints; each is checked whole before anything is stored. */
export class Endpoints {
  readonly #store: EndpointStore;
  readonly #events: EventStore;
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #wake: () => void;

  constructor(
    store: EndpointStore,
    events: EventStore,
    channels: ReadonlyMap<string, Channel>,
    wake: () => void,
  ) {
    this.#store = store;
    this.#events = events;
    this.#channels = channels;
    this.#wake = wake;
  }

  /** Creates an endpoint and asks its receiver to show that it wants events; it is `pending` until then. */
  async create(principal: Principal, input: EndpointInput): Promise<EndpointResult> {
    const { channel: name = 'webhook', address, settings = {}, ordered = false } = input;
    const channel = this.#channel(name);
    const owner = ownerFor(principal, input.owner);
    await check(channel, { address, owner, settings });
    const { secret, verifyBy } = newSecret(input.signing ?? 'hmac');
    const endpoint = await this.#store.create({
      id: uuidv7(),
      channel: name,
      address,
      name: input.name ?? '',
      owner,
      ordered,
      status: 'pending',
      settings,
      secrets: [secret],
      uniqueKey: keyOf(name, address, owner, settings),
      expiresAt: null,
    });
    return { ...(await this.confirm(endpoint)), secret: verifyBy };
  }

  /** Asks the receiver again, and gives it events where it answers as it should. */
  async confirm(endpoint: Endpoint): Promise<EndpointResult> {
    const channel = this.#channel(endpoint.channel);
    const { confirmed, reason } =
      channel.confirm === undefined
        ? { confirmed: true, reason: undefined }
        : await channel.confirm(endpoint, AbortSignal.timeout(confirmWithin));
    if (!confirmed) return { endpoint, ...(reason === undefined ? {} : { reason }) };
    return { endpoint: await this.enable(endpoint) };
  }

  async enable(endpoint: Endpoint): Promise<Endpoint> {
    const enabled = await this.#store.enable(endpoint.id, endpointWants(endpoint));
    this.#wake();
    return enabled;
  }

  /** A new address has to be shown to want events, as that of a new endpoint. */
  async change(
    endpoint: Endpoint,
    change: Omit<EndpointChange, 'secrets'>,
  ): Promise<EndpointResult> {
    const { address = endpoint.address, settings = endpoint.settings } = change;
    const channel = this.#channel(endpoint.channel);
    await check(channel, { address, owner: endpoint.owner, settings });
    const changed = await this.#store.change(endpoint.id, change);
    const isMoved = address !== endpoint.address;
    if (!isMoved || changed.status !== 'active') return { endpoint: changed };
    await this.#store.stop(endpoint.id, 'disabled', 'Its new address is to be confirmed.');
    return this.confirm(changed);
  }

  /** Signs by a new key, and by the old ones for a while. */
  async rotate(endpoint: Endpoint, signing: Signing, graceMs: number): Promise<EndpointResult> {
    const { secret, verifyBy } = newSecret(signing);
    const secrets = rotated(endpoint.secrets, secret, graceMs, Date.now());
    return { endpoint: await this.#store.change(endpoint.id, { secrets }), secret: verifyBy };
  }

  /** Sends one made-up event, and tells how that ended. Nothing is stored. */
  async test(endpoint: Endpoint): Promise<Outcome> {
    const channel = this.#channel(endpoint.channel);
    const id = uuidv7();
    const event = testEvent(id, endpoint.owner);
    const { timeout = 15_000 } = endpoint.settings;
    return channel
      .deliver(
        { endpoint, event, id, replay: '', attempt: 1, gap: null, isTest: true },
        AbortSignal.timeout(timeout),
      )
      .catch((): Outcome => ({ result: 'retry', outcome: 'timeout', error: 'No answer in time.' }));
  }

  /** Delivers again what the log has from a number on. */
  async replay(
    endpoint: Endpoint,
    from: number,
  ): Promise<{ readonly replay: string; readonly deliveries: number }> {
    const id = uuidv7();
    const upTo = await this.#events.head();
    const deliveries = await this.#store.replay(endpoint, {
      id,
      from,
      upTo,
      wants: endpointWants(endpoint),
    });
    this.#wake();
    return { replay: id, deliveries };
  }

  #channel(name: string): Channel {
    const channel = this.#channels.get(name);
    if (channel !== undefined) return channel;
    throw RefusedError.of(
      'ENDPOINT_INVALID',
      `There is no channel '${name.slice(0, 32)}'. Use ${[...this.#channels.keys()].join(', ')}.`,
    );
  }
}

async function check(channel: Channel, request: Parameters<Channel['check']>[0]): Promise<void> {
  const { retry, retryByCategory = {} } = request.settings;
  retryDelays(retry);
  for (const policy of Object.values(retryByCategory)) retryDelays(policy);
  checkFilter(request.settings);
  await channel.check(request);
}

/** Pure. The owner that a caller asks for, which must not see more than the caller does. */
export function ownerFor({ owner: own }: Principal, asked: EndpointInput['owner']): Owner {
  const account = asked?.account ?? (asked?.reach === undefined ? own.account : '');
  const domain = asked?.domain ?? own.domain;
  const reach = asked?.reach ?? (asked?.account !== undefined ? 'local' : own.reach);
  const owner = { account: reach === 'local' ? account || own.account : '', domain, reach };
  if (reach === 'local' && owner.account === '')
    throw new Problem(400, 'OWNER_INVALID', "An owner of reach 'local' has an account.");
  if (reach === 'domain' && owner.domain === '')
    throw new Problem(400, 'OWNER_INVALID', "An owner of reach 'domain' has a domain.");
  if (!covers(own, owner)) {
    throw new Problem(403, 'NOT_ALLOWED', 'The owner would see events that the caller may not.');
  }
  return owner;
}

function keyOf(
  channel: string,
  address: string,
  { account, domain, reach }: Owner,
  { topics, content }: EndpointSettings,
): string {
  const text = JSON.stringify([channel, address, account, domain, reach, topics, content]);
  return createHash('sha256').update(text).digest('hex');
}

function testEvent(id: string, { account, domain }: Owner): LoggedEvent {
  const time = new Date().toISOString();
  const event = {
    specversion: '1.0',
    id,
    source: 'signalbox',
    type: 'ALERT.TEST',
    time,
    datacontenttype: 'application/json',
    category: 'AlertEvent',
    ...(account === '' ? {} : { account }),
    ...(domain === '' ? {} : { domain }),
    data: { subject: 'This is a test delivery' },
  };
  return {
    seq: 0,
    id,
    category: 'AlertEvent',
    type: 'ALERT.TEST',
    resource: null,
    uuid: null,
    revision: null,
    time,
    account: account || null,
    domain: domain || null,
    project: null,
    payload: JSON.stringify(event),
  };
}
