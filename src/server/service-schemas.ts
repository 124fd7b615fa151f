import { optionsOf } from '../core/options/check-options.js';
import {
  callback,
  field,
  flag,
  type Fields,
  having,
  listOf,
  milliseconds,
  oneOf,
  options,
  plainObject,
  required,
  text,
  whole,
} from '../core/options/fields.js';
import type { JwtOptions } from './access/access.js';
import type { EngineOptions } from './engine/engine.js';
import type { GuardOptions } from './guard/addresses.js';
import type { ListenOptions } from './listen.js';
import type { NotificationServiceOptions } from './notification-service.js';

/** Fields of the engine's options. Times are in milliseconds. */
export const engineFields: Fields<EngineOptions> = {
  maxDrains: whole(1, 100_000),
  perHost: whole(1, 10_000),
  batch: whole(1, 10_000),
  lease: milliseconds(100),
  poll: milliseconds(10),
  slowAfter: milliseconds(1),
  maxRetryAfter: milliseconds(0),
  maxAge: duration(),
  probeAfter: milliseconds(1),
  keepDeliveries: duration(),
  keepEvents: duration(),
};

/** Fields of the options of the SSRF guard. */
export const guardFields: Fields<GuardOptions> = {
  allowPrivate: flag,
  allow: listOf(text(1, 255)),
};

/** Fields of the options of JSON Web Tokens. */
export const jwtFields: Fields<JwtOptions> = {
  jwks: required(text(1)),
  issuer: required(text(1)),
  audience: required(text(1)),
  algorithms: required(listOf(text(1, 16), 1)),
  claims: options<NonNullable<JwtOptions['claims']>>({
    account: text(1),
    domain: text(1),
    reach: text(1),
    scopes: text(1),
  }),
};

/** Schema of the options of `notificationService()`. */
export const notificationServiceSchema = optionsOf<NotificationServiceOptions>(
  'notificationService()',
  {
    dataSource: required(having('an initialized DataSource', 'manager', 'options')),
    buses: listOf(having('a bus', 'publish', 'subscribe')),
    application: having('an application', 'id', 'space'),
    channels: listOf(having('a channel of defineChannel()', 'name', 'check')),
    transforms: plainObject,
    guard: options(guardFields),
    jwt: options(jwtFields),
    anonymous: oneOf('nobody', 'administrator'),
    source: text(1, 64),
    hubs: listOf(httpAddress()),
    publicUrl: httpAddress(),
    engine: options(engineFields),
    onLog: callback,
    resolve: callback,
  },
);

/** Schema of the options of `listen()`. */
export const listenSchema = optionsOf<ListenOptions>('listen()', {
  host: text(1, 255),
  port: whole(0, 65_535),
  tls: options<NonNullable<ListenOptions['tls']>>({
    cert: required(text(1)),
    key: required(text(1)),
  }),
  insecurePlaintext: flag,
  hasTokens: required(flag),
});

/** Milliseconds that are compared with times of rows, so they may be longer than a timer. */
function duration() {
  return field(
    'a whole number of milliseconds, at least 1000',
    (value) => Number.isSafeInteger(value) && (value as number) >= 1000,
  );
}

function httpAddress() {
  return field(
    'an http: or https: address',
    (value) =>
      typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
  );
}
