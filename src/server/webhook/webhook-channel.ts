import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SignalboxEvent } from '../../core/events/event.js';
import { RefusedError } from '../../core/errors/errors.js';
import { cloudStack } from '../../delivery/formats/cloudstack/cloudstack.js';
import { prepareKey } from '../../delivery/formats/protection/signing-keys.js';
import type { Channel, ChannelDelivery, Outcome } from '../engine/channel.js';
import type { GuardedAgent } from '../guard/guarded-agent.js';
import type { Endpoint, EndpointSecret } from '../model.js';
import { fillTemplate } from './template.js';
import { invalid, webhookSettings, webhookUrl } from './webhook-settings.js';

/** A function of the host program that makes the body of a delivery. */
export type Transform = (event: SignalboxEvent) => {
  readonly contentType: string;
  readonly body: string;
};

/** Parts of a webhook channel. */
export interface WebhookChannelOptions {
  readonly http: GuardedAgent;
  /** By the names that endpoints use. */
  readonly transforms?: Readonly<Record<string, Transform>>;
  /** A host name, told to receivers that ask who sends. Default `signalbox`. */
  readonly origin?: string;
}

/** The channel of webhooks: signed posts by the scheme of Standard Webhooks. */
export function webhookChannel({
  http,
  transforms = {},
  origin = 'signalbox',
}: WebhookChannelOptions): Channel {
  return {
    name: 'webhook',
    async check({ address, settings, owner }) {
      const url = webhookUrl(address);
      const { ownership, transform } = webhookSettings(settings);
      if (ownership === 'none' && owner.reach !== 'global')
        throw invalid("ownership 'none' is for administrators");
      if (transform !== undefined && !Object.hasOwn(transforms, transform))
        throw invalid(`the service has no transform '${transform.slice(0, 40)}'`);
      await checkAddress(http, url);
    },
    host: ({ address }) => new URL(address).host,
    confirm: (endpoint, signal) => confirm(http, endpoint, origin, signal),
    async deliver(delivery, signal) {
      const { contentType, body, headers } = encode(delivery, transforms);
      const settings = webhookSettings(delivery.endpoint.settings);
      return post(http, delivery.endpoint.address, {
        signal,
        body,
        headers: {
          ...settings.headers,
          ...headers,
          ...(settings.ownership === 'options' ? { 'webhook-request-origin': origin } : {}),
          ...signatureHeaders(webhookId(delivery), body, delivery.endpoint.secrets),
          ...deliveryHeaders(delivery),
          'content-type': contentType,
          'user-agent': 'signalbox',
        },
      });
    },
  };
}

/** A name that does not resolve may do so later; one that leads where it must not never becomes one. */
async function checkAddress(http: GuardedAgent, url: URL): Promise<void> {
  try {
    await http.check(url);
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    throw invalid('the host of its address does not resolve');
  }
}

function encode(
  { endpoint, event }: ChannelDelivery,
  transforms: Readonly<Record<string, Transform>>,
): { contentType: string; body: string; headers: Readonly<Record<string, string>> } {
  const { format, template, transform } = webhookSettings(endpoint.settings);
  if (transform !== undefined) {
    const make = transforms[transform];
    if (make === undefined) throw new Error(`This process has no transform '${transform}'.`);
    return { ...make(JSON.parse(event.payload) as SignalboxEvent), headers: {} };
  }
  if (template !== undefined) {
    const body = JSON.stringify(fillTemplate(template, JSON.parse(event.payload)));
    return { contentType: 'application/json', body, headers: {} };
  }
  if (format === 'cloudstack') {
    const { body, contentType } = cloudStack.encode(JSON.parse(event.payload) as SignalboxEvent);
    const text = Buffer.from(body).toString();
    const [secret] = endpoint.secrets;
    return {
      contentType,
      body: text,
      headers: {
        'x-cs-event-id': event.id,
        'x-cs-event': event.type,
        ...(secret === undefined
          ? {}
          : { 'x-cs-signature': cloudStackSignature(secret.key, text) }),
      },
    };
  }
  return {
    contentType: 'application/cloudevents+json; charset=utf-8',
    body: event.payload,
    headers: {},
  };
}

/** CloudStack signs by the secret as it is written, over the body alone. */
function cloudStackSignature(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('base64');
}

/** The event's id, the same at each try; Standard Webhooks allows no dots in it. */
function webhookId({ event }: ChannelDelivery): string {
  return event.id.includes('.') ? Buffer.from(event.id).toString('base64url') : event.id;
}

/** The headers of Standard Webhooks, signed by every key that is in use. */
function signatureHeaders(
  id: string,
  body: string,
  secrets: readonly EndpointSecret[],
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const content = Buffer.from(`${id}.${timestamp}.${body}`);
  const used = secrets.filter(({ until }) => until === undefined || until > Date.now());
  const signatures = used.flatMap((secret) => prepareKey(secret).sign?.(content) ?? []);
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    ...(signatures.length === 0 ? {} : { 'webhook-signature': signatures.join(' ') }),
  };
}

function deliveryHeaders(delivery: ChannelDelivery): Readonly<Record<string, string>> {
  const { id, attempt, event, gap, replay, isTest } = delivery;
  return {
    'signalbox-delivery': id,
    'signalbox-attempt': String(attempt),
    ...(event.revision === null ? {} : { 'signalbox-revision': String(event.revision) }),
    ...(gap === null ? {} : { 'signalbox-gap': `${gap.from}-${gap.to}` }),
    ...(replay === '' ? {} : { 'signalbox-replay': replay }),
    ...(isTest ? { 'signalbox-test': 'true' } : {}),
  };
}

/** Bytes of an answer that are kept for administrators; the rest is not read. */
const keptBytes = 1024;

async function post(
  { undici, agent }: GuardedAgent,
  address: string,
  request: {
    readonly headers: Record<string, string>;
    readonly body: string;
    readonly signal: AbortSignal;
  },
): Promise<Outcome> {
  let answer;
  try {
    answer = await undici.request(address, { method: 'POST', dispatcher: agent, ...request });
  } catch (error) {
    if (request.signal.aborted) throw error;
    return failure(error);
  }
  const { statusCode: status, headers, body } = answer;
  const text = await beginning(body);
  const outcome = `${Math.floor(status / 100)}xx`;
  if (status >= 200 && status < 300) return { result: 'delivered', outcome, status };
  const fault = { outcome, status, error: `The receiver answered ${status}.`, body: text };
  if (status === 410) return { ...fault, result: 'gone' };
  const isTransient = status >= 500 || [408, 409, 425, 429].includes(status);
  if (!isTransient) return { ...fault, result: 'dead' };
  const retryAfter = retryAfterOf(headers['retry-after']);
  return { ...fault, result: 'retry', ...(retryAfter === undefined ? {} : { retryAfter }) };
}

async function beginning(body: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of body) {
      parts.push(part);
      size += part.length;
      if (size >= keptBytes) break;
    }
  } catch {
    // The status is what counts: an answer that is broken off or trickles has one.
  }
  return Buffer.concat(parts).subarray(0, keptBytes).toString().replaceAll('\0', '');
}

function retryAfterOf(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const time = Date.parse(header);
  return Number.isNaN(time) ? undefined : Math.max(0, time - Date.now());
}

/** No detail of a connection is told: it would show what is in the network of the service. */
function failure(error: unknown): Outcome {
  if (error instanceof RefusedError) {
    return { result: 'retry', outcome: 'guard', error: 'The address is not allowed.' };
  }
  const code = (error as { readonly code?: unknown } | null)?.code;
  const text = typeof code === 'string' ? code : '';
  const isTls = /CERT|TLS|SSL|SIGNATURE/.test(text);
  return {
    result: 'retry',
    outcome: isTls ? 'tls' : 'connect',
    error: isTls ? 'The certificate of the receiver was refused.' : 'The connection failed.',
  };
}

async function confirm(
  http: GuardedAgent,
  endpoint: Endpoint,
  origin: string,
  signal: AbortSignal,
): Promise<{ readonly confirmed: boolean; readonly reason?: string }> {
  const { ownership, headers } = webhookSettings(endpoint.settings);
  if (ownership === 'none') return { confirmed: true };
  try {
    return ownership === 'options'
      ? await handshake(http, endpoint.address, origin, headers, signal)
      : await challenge(http, endpoint, headers, signal);
  } catch {
    return { confirmed: false, reason: 'The receiver could not be reached.' };
  }
}

async function challenge(
  { undici, agent }: GuardedAgent,
  { address, secrets, id }: Endpoint,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) {
  const text = randomBytes(24).toString('base64url');
  const body = JSON.stringify({ type: 'endpoint.verification', endpoint: id, challenge: text });
  const answer = await undici.request(address, {
    method: 'POST',
    dispatcher: agent,
    signal,
    body,
    headers: {
      ...headers,
      ...signatureHeaders(`verify_${text.slice(0, 16)}`, body, secrets),
      'content-type': 'application/json',
      'user-agent': 'signalbox',
    },
  });
  const given = await beginning(answer.body);
  const isOk = answer.statusCode >= 200 && answer.statusCode < 300;
  return isOk && echoes(given, text)
    ? { confirmed: true }
    : { confirmed: false, reason: 'The receiver did not answer with the challenge.' };
}

/** The challenge alone, or JSON with it. */
function echoes(given: string, text: string): boolean {
  const [, inJson = given.trim()] = /"challenge"\s*:\s*"([\w-]+)"/.exec(given) ?? [];
  const [one, other] = [Buffer.from(inJson), Buffer.from(text)];
  return one.length === other.length && timingSafeEqual(one, other);
}

async function handshake(
  { undici, agent }: GuardedAgent,
  address: string,
  origin: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) {
  const answer = await undici.request(address, {
    method: 'OPTIONS',
    dispatcher: agent,
    signal,
    headers: { ...headers, 'webhook-request-origin': origin, 'user-agent': 'signalbox' },
  });
  await beginning(answer.body);
  const allowed = answer.headers['webhook-allowed-origin'];
  return allowed === '*' || allowed === origin
    ? { confirmed: true }
    : { confirmed: false, reason: 'The receiver allows no deliveries from here.' };
}
