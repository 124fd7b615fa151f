import { generateKeyPair, exportJWK, SignJWT } from 'jose';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Owner } from '../../src/server/model.js';
import type { Scope } from '../../src/server/store/token-store.js';
import { eventually } from '../support/eventually.js';
import { startReceiver, type Receiver } from './support/receiver.js';
import { startService, type TestService } from './support/service.js';
import { newEvent } from './support/stores.js';

interface Operation {
  readonly operationId: string;
  readonly 'x-scope'?: Scope;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

let test: TestService;
let receiver: Receiver;
let document: Document;

const owners: Readonly<Record<string, Owner>> = {
  acme: { account: 'acme', domain: 'ROOT/a', reach: 'local' },
  other: { account: 'other', domain: 'ROOT/b', reach: 'local' },
  domainB: { account: '', domain: 'ROOT/b', reach: 'domain' },
};
const secretWord = 'only-of-acme';
const uuid = '018f3f5e-0000-7000-8000-00000000acme'.replace('acme', 'abcd');
const event = newEvent({
  account: 'acme',
  domain: 'ROOT/a',
  resource: 'Volume',
  uuid,
  revision: 1,
  category: 'ResourceStateEvent',
  type: 'Created',
  data: { event: 'Created', old: null, new: secretWord, lifecycleVersion: 1, changed: true },
});
const tokens: Record<string, string> = {};
let endpoint: string;
let delivery: string;

beforeAll(async () => {
  receiver = await startReceiver();
  test = await startService('sqlite', { anonymous: 'nobody', guard: { allow: [receiver.entry] } });
  const make = async (
    name: string,
    owner: Owner,
    scopes: readonly Scope[],
    expiresIn: number | null = null,
  ) => {
    const { id, token } = await test.service.tokens.create({ name, owner, scopes, expiresIn });
    tokens[name] = token;
    return id;
  };
  for (const [name, owner] of Object.entries(owners)) {
    await make(`${name}-read`, owner, ['read']);
    await make(`${name}-subscribe`, owner, ['read', 'subscribe']);
  }
  await make('admin', { account: '', domain: '', reach: 'global' }, ['admin']);
  await make('expired', { account: '', domain: '', reach: 'global' }, ['admin'], -1);
  const revoked = await make('revoked', { account: '', domain: '', reach: 'global' }, ['admin']);
  await test.service.tokens.revoke(revoked);
  tokens['none'] = '';
  tokens['nonsense'] = 'sbx_nonsense';
  document = (await test.call('GET', '/openapi.json')).body as Document;
  const created = await test.call('POST', '/endpoints', {
    token: tokens['acme-subscribe']!,
    body: { address: receiver.url },
  });
  endpoint = created.body.id as string;
  await test.publish(event);
  await eventually(() => {
    if (receiver.received.length === 0) throw new Error('nothing was delivered');
  });
  const { body } = await test.call('GET', `/endpoints/${endpoint}/deliveries`, {
    token: tokens['admin']!,
  });
  delivery = body.deliveries[0].id as string;
});

afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const valid = [
  'acme-read',
  'acme-subscribe',
  'other-read',
  'other-subscribe',
  'domainB-read',
  'domainB-subscribe',
  'admin',
];

/** Every operation of the document, with the ids of acme in its path. */
function operations() {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, 'x-scope': scope }]) => ({
      method: method.toUpperCase(),
      operationId,
      scope,
      path: path
        .replace('{event}', event.id)
        .replace('{type}', 'Volume')
        .replace('{uuid}', uuid)
        .replace(
          '{id}',
          path.startsWith('/endpoints')
            ? endpoint
            : path.startsWith('/deliveries')
              ? delivery
              : event.id,
        ),
    })),
  );
}

const bodyOf: Readonly<Record<string, object>> = {
  createEndpoint: { address: 'https://example.test/', owner: owners['acme']! },
  changeEndpoint: { name: 'mine now' },
  replayEvents: { from: 1 },
  createToken: { name: 'x', scopes: ['admin'], owner: { reach: 'global' } },
};

describe('every route', () => {
  it('is refused to those without a valid token, unless it is public', async () => {
    for (const { method, path, scope, operationId } of operations()) {
      if (scope === undefined) continue;
      for (const name of ['none', 'expired', 'revoked', 'nonsense']) {
        const token = tokens[name]!;
        const { status } = await test.call(method, path, {
          ...(token === '' ? {} : { token }),
          ...(bodyOf[operationId] === undefined ? {} : { body: bodyOf[operationId] }),
        });
        expect([operationId, name, status]).toEqual([operationId, name, 401]);
      }
    }
  });

  it('is refused to a token without its scope', async () => {
    for (const { method, path, scope, operationId } of operations()) {
      for (const name of valid) {
        const has = name === 'admin' ? 'admin' : name.split('-')[1];
        const may = has === 'admin' || scope === undefined || scope === 'read' || scope === has;
        if (may) continue;
        const { status } = await test.call(method, path, {
          token: tokens[name]!,
          ...(bodyOf[operationId] === undefined ? {} : { body: bodyOf[operationId] }),
        });
        expect([operationId, name, status]).toEqual([operationId, name, 403]);
      }
    }
  });

  it('shows and changes nothing of another tenant', async () => {
    const before = await test.call('GET', `/endpoints/${endpoint}`, { token: tokens['admin']! });
    for (const { method, path, operationId, scope } of operations()) {
      if (operationId === 'streamEvents' || scope === undefined) continue;
      for (const name of valid.filter((each) => /^(?:other|domainB)/.test(each))) {
        const { status, body } = await test.call(method, path, {
          token: tokens[name]!,
          ...(bodyOf[operationId] === undefined ? {} : { body: bodyOf[operationId] }),
        });
        const text = JSON.stringify(body ?? '');
        expect(text, `${operationId} as ${name}`).not.toContain(secretWord);
        expect(text, `${operationId} as ${name}`).not.toContain(endpoint);
        if (path.includes(endpoint) || path.includes(delivery) || path.includes(event.id)) {
          expect([operationId, name, status]).toEqual([
            operationId,
            name,
            scope === 'admin' || (scope === 'subscribe' && name.endsWith('read')) ? 403 : 404,
          ]);
        }
      }
    }
    const after = await test.call('GET', `/endpoints/${endpoint}`, { token: tokens['admin']! });
    expect(after.body).toEqual(before.body);
    expect(receiver.received).toHaveLength(1);
  });

  it('shows acme what is its own', async () => {
    const token = tokens['acme-read']!;
    for (const path of [
      `/events/${event.id}`,
      `/resources/Volume/${uuid}`,
      '/events',
      `/resources/Volume/${uuid}/history`,
    ]) {
      const { status, body } = await test.call('GET', path, { token });
      expect([path, status]).toEqual([path, 200]);
      expect(JSON.stringify(body)).toContain(secretWord);
    }
    const { body } = await test.call('GET', `/deliveries/${delivery}`, { token });
    expect(body.attempted).toHaveLength(1);
    expect(body.attempted[0]).not.toHaveProperty('body');
    const asAdmin = await test.call('GET', `/deliveries/${delivery}`, { token: tokens['admin']! });
    expect(asAdmin.body.attempted[0]).toHaveProperty('body');
  });
});

it('a subscriber cannot make an endpoint that sees more than itself', async () => {
  const token = tokens['acme-subscribe']!;
  for (const owner of [
    { reach: 'global' },
    { account: 'other' },
    { reach: 'domain', domain: 'ROOT' },
    { reach: 'domain', domain: 'ROOT/a' },
    { account: 'acme', domain: 'ROOT/b' },
  ]) {
    const { status } = await test.call('POST', '/endpoints', {
      token,
      body: { address: receiver.url, owner },
    });
    expect([owner, status]).toEqual([owner, 403]);
  }
});

it('what an endpoint may see is decided again at each delivery', async () => {
  const { body } = await test.call('POST', '/endpoints', {
    token: tokens['admin']!,
    body: { address: `${receiver.url}&moved`, owner: owners['acme'] },
  });
  const arrived = () => receiver.received.filter(({ path }) => path.includes('moved'));
  await test.publish(newEvent({ account: 'acme', domain: 'ROOT/a' }));
  await eventually(() => expect(arrived()).toHaveLength(1));
  // As if it had been moved to another tenant after its deliveries were made.
  await test.dataSource.query(
    `UPDATE signalbox_endpoint SET account = 'other' WHERE id = '${body.id}'`,
  );
  await test.publish(newEvent({ account: 'acme', domain: 'ROOT/a' }));
  await eventually(async () => {
    const { body: log } = await test.call('GET', `/endpoints/${body.id}/deliveries`, {
      token: tokens['admin']!,
    });
    expect(log.deliveries).toMatchObject([
      { status: 'delivered' },
      { status: 'dead', outcome: 'not-visible' },
    ]);
  });
  expect(arrived()).toHaveLength(1);
});

describe('a JWT', () => {
  it('is accepted with the keys, the algorithm, the issuer and the audience that were set, and no other', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const stranger = await generateKeyPair('ES256');
    const server = createServer((_, response) => {
      void exportJWK(publicKey).then((key) =>
        response.end(JSON.stringify({ keys: [{ ...key, alg: 'ES256', kid: 'k' }] })),
      );
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    await using other = await startService('sqlite', {
      anonymous: 'nobody',
      jwt: {
        jwks: `http://127.0.0.1:${port}/`,
        issuer: 'idp',
        audience: 'signalbox',
        algorithms: ['ES256'],
      },
    });
    await other.publish(event);
    const sign = (
      claims: object,
      { issuer = 'idp', audience = 'signalbox', key = privateKey, expires = '1h' } = {},
    ) =>
      new SignJWT({ account: 'acme', scope: 'read', ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setExpirationTime(expires)
        .sign(key);
    const see = async (token: string) => {
      const { status, body } = await other.call('GET', '/events', { token });
      return [status, JSON.stringify(body).includes(secretWord)];
    };
    expect(await see(await sign({}))).toEqual([200, true]);
    expect(await see(await sign({ account: 'other' }))).toEqual([200, false]);
    expect(await see(await sign({ account: '' }))).toEqual([401, false]);
    expect(await see(await sign({ scope: 'nothing' }))).toEqual([401, false]);
    expect(await see(await sign({ reach: 'domain', domain: 'ROOT' }))).toEqual([200, true]);
    expect(await see(await sign({}, { issuer: 'else' }))).toEqual([401, false]);
    expect(await see(await sign({}, { audience: 'else' }))).toEqual([401, false]);
    expect(await see(await sign({}, { key: stranger.privateKey }))).toEqual([401, false]);
    expect(await see(await sign({}, { expires: '-1h' }))).toEqual([401, false]);
    const [, payload] = (await sign({})).split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(await see(`${none}.${payload}.`)).toEqual([401, false]);
    server.closeAllConnections();
    server.close();
  });
});

it('tokens are not kept in the database', async () => {
  const rows = await test.dataSource.query('SELECT * FROM signalbox_token');
  const text = JSON.stringify(rows);
  const kept = Object.values(tokens).filter((token) => token !== '' && text.includes(token));
  expect(kept).toEqual([]);
});
