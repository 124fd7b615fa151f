import { RefusedError } from '../../core/errors/errors.js';
import type { EndpointSettings } from '../model.js';

/** How the owner of a webhook shows that it wants events. */
export type Ownership = 'challenge' | 'options' | 'none';

/** Settings of a webhook within an endpoint's settings. */
export interface WebhookSettings {
  /** The body: CloudEvents JSON, or CloudStack's body with its headers. Default `cloudevents`. */
  readonly format: 'cloudevents' | 'cloudstack';
  /** Headers of every request besides those of the service. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * `challenge` (default): the receiver answers a signed request with the challenge in it. `options`:
   * CloudEvents' handshake. `none`: for administrators.
   */
  readonly ownership: Ownership;
  /** JSON in which `{{path}}` stands for what the event has there; absent for the format's body. */
  readonly template: unknown;
  /** The name of a function of the host program that makes the body; absent for none. */
  readonly transform: string | undefined;
}

const names = ['format', 'headers', 'ownership', 'template', 'transform'];

/** Headers that are the service's own, or change how a request is framed. */
const reserved =
  /^(?:webhook-|signalbox-|x-cs-|:|host$|content-|transfer-encoding$|connection$|keep-alive$|upgrade$|te$|trailer$|expect$|proxy-|cookie$|user-agent$)/i;

/** Pure. Throws RefusedError ENDPOINT_INVALID. */
export function webhookSettings({ channel = {} }: EndpointSettings): WebhookSettings {
  const { format = 'cloudevents', headers = {}, ownership = 'challenge', template } = channel;
  const { transform } = channel;
  const unknown = Object.keys(channel).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw invalid(`there is no setting '${unknown.slice(0, 40)}'. Use ${names.join(', ')}`);
  }
  if (format !== 'cloudevents' && format !== 'cloudstack')
    throw invalid("format is 'cloudevents' or 'cloudstack'");
  if (ownership !== 'challenge' && ownership !== 'options' && ownership !== 'none')
    throw invalid("ownership is 'challenge', 'options' or 'none'");
  if (transform !== undefined && typeof transform !== 'string')
    throw invalid('transform is the name of a function');
  if (transform !== undefined && template !== undefined)
    throw invalid('it has a template or a transform, not both');
  return { format, headers: checkHeaders(headers), ownership, template, transform };
}

function checkHeaders(headers: unknown): Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    throw invalid('headers is an object of texts');
  const entries = Object.entries(headers);
  if (entries.length > 20) throw invalid('there are at most 20 headers');
  for (const [name, value] of entries) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(name) || reserved.test(name)) {
      throw invalid(
        `the header '${name.slice(0, 40)}' is malformed, or is one of the service's own`,
      );
    }
    if (typeof value !== 'string' || !/^[\t\x20-\x7e]{0,1024}$/.test(value))
      throw invalid(`the header '${name}' is a line of ASCII text of at most 1024 characters`);
  }
  return headers as Readonly<Record<string, string>>;
}

/** Pure. The error for an endpoint whose parts do not fit. */
export function invalid(problem: string): RefusedError {
  return RefusedError.of('ENDPOINT_INVALID', `The endpoint is refused: ${problem}.`);
}

/** Pure. A URL that deliveries may be posted to. Throws RefusedError ENDPOINT_INVALID. */
export function webhookUrl(address: string): URL {
  if (address.length > 2048 || !URL.canParse(address)) throw invalid('its address is no URL');
  const url = new URL(address);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw invalid('its address begins with https:// or http://');
  if (url.username !== '' || url.password !== '')
    throw invalid('its address has a user or password; use a header');
  if (url.hash !== '') throw invalid('its address has a fragment');
  return url;
}
