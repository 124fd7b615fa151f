import type { JWTVerifyGetKey } from 'jose';
import { ConfigurationError } from '../../core/errors/errors.js';
import { everybody, type Owner, type Reach } from '../model.js';
import type { Scope, TokenStore } from '../store/token-store.js';
import { type Fields, listOf, options, required, text } from '../../core/options/fields.js';

/** A caller: its owner and its scopes. */
export interface Principal {
  readonly owner: Owner;
  readonly scopes: ReadonlySet<Scope>;
}

/** Scope that a route requires of its caller. `public`: nothing. */
export type Access = Scope | 'public';

/** Tokens of an issuer of your own. */
export interface JwtOptions {
  /** The address of its keys. */
  readonly jwks: string;
  readonly issuer: string;
  readonly audience: string;
  /** The algorithms that are accepted, such as `['RS256']`: what a token says of itself is not asked. */
  readonly algorithms: readonly string[];
  /** Names of claims. Default `account`, `domain`, `reach` and `scope` (a list, or words in a text). */
  readonly claims?: {
    readonly account?: string;
    readonly domain?: string;
    readonly reach?: string;
    readonly scopes?: string;
  };
}

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

/** Tells callers by their bearer tokens. */
export interface Authenticator {
  /** Undefined for one that shows no valid token. */
  authenticate(authorization: string | undefined): Promise<Principal | undefined>;
}

const scopes: readonly string[] = ['read', 'subscribe', 'admin'] satisfies Scope[];
const reaches: readonly string[] = ['local', 'domain', 'global'] satisfies Reach[];

/** An administrator of everything. */
export const administrator: Principal = {
  owner: everybody,
  scopes: new Set<Scope>(['read', 'subscribe', 'admin']),
};

/** Pure. Whether a caller may use a route. An administrator may use every one. */
export function mayUse(access: Access, principal: Principal | undefined): boolean {
  if (access === 'public') return true;
  if (principal === undefined) return false;
  return principal.scopes.has('admin') || principal.scopes.has(access);
}

/**
 * Makes an authenticator of stored tokens and of JWTs.
 *
 * @param anonymous Who a caller without a token is; undefined for nobody.
 */
export async function authenticator(
  tokens: TokenStore,
  { jwt, anonymous }: { readonly jwt?: JwtOptions; readonly anonymous?: Principal },
): Promise<Authenticator> {
  const verify = jwt === undefined ? undefined : await jwtVerifier(jwt);
  return {
    async authenticate(authorization) {
      if (authorization === undefined) return anonymous;
      const [, text] = /^Bearer +([A-Za-z0-9._~+/=-]{1,4096})$/i.exec(authorization) ?? [];
      if (text === undefined) return undefined;
      if (!text.startsWith('sbx_')) return verify?.(text);
      const token = await tokens.find(text);
      if (token === undefined) return undefined;
      const { owner, scopes: granted } = token;
      return { owner: granted.includes('admin') ? everybody : owner, scopes: new Set(granted) };
    },
  };
}

async function jwtVerifier(
  options: JwtOptions,
  keys?: JWTVerifyGetKey,
): Promise<(text: string) => Promise<Principal | undefined>> {
  const { jwks, issuer, audience, algorithms, claims = {} } = options;
  if (algorithms.length === 0 || algorithms.some((each) => /^(?:none|HS)/i.test(each))) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      "'jwt.algorithms' lists asymmetric algorithms, such as RS256 or EdDSA.",
      { parameters: { key: 'jwt.algorithms' } },
    );
  }
  const jose = await import('jose').catch((cause: unknown) => {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      "Tokens of an issuer need the package jose. Run 'npm install jose'.",
      { parameters: { package: 'jose' }, cause },
    );
  });
  const keySet = keys ?? jose.createRemoteJWKSet(new URL(jwks));
  return async (text) => {
    try {
      const { payload } = await jose.jwtVerify(text, keySet, {
        issuer,
        audience,
        algorithms: [...algorithms],
        requiredClaims: ['exp'],
      });
      return principalOf(payload, claims);
    } catch {
      return undefined;
    }
  };
}

/** Pure. Undefined for claims that grant nothing. */
export function principalOf(
  payload: Readonly<Record<string, unknown>>,
  names: NonNullable<JwtOptions['claims']> = {},
): Principal | undefined {
  const text = (name: string): string => {
    const value = payload[name];
    return typeof value === 'string' ? value : '';
  };
  const given = payload[names.scopes ?? 'scope'];
  const words: readonly unknown[] = Array.isArray(given)
    ? given
    : typeof given === 'string'
      ? given.split(' ')
      : [];
  const granted = words.filter((word) => scopes.includes(word as string)) as Scope[];
  const reach = text(names.reach ?? 'reach') || 'local';
  const account = text(names.account ?? 'account');
  const domain = text(names.domain ?? 'domain');
  const isNobody = (reach === 'local' && account === '') || (reach === 'domain' && domain === '');
  if (granted.length === 0 || !reaches.includes(reach) || isNobody) return undefined;
  // Who administers the service sees all of it: no claim of an account makes less of it.
  return granted.includes('admin')
    ? { owner: everybody, scopes: new Set(granted) }
    : { owner: { account, domain, reach: reach as Reach }, scopes: new Set(granted) };
}
