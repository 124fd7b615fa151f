import fc from 'fast-check';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Bus, BusMessage } from '../../../src/delivery/bus/bus.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { EventManager } from '../../../src/outside/rpc/event-manager.js';
import type { RpcNotice } from '../../../src/outside/rpc/notice.js';
import { ServiceManager } from '../../../src/outside/rpc/service-manager.js';
import { eventually } from '../../support/eventually.js';

const contentType = 'application/vnd.signalbox.rpc.v1+json';

interface Services {
  volumes: {
    attach(args: { volume: string }): string;
    describe(args: { volume: string }): string;
  };
}

let bus: Bus;
let published: BusMessage[];
let notices: RpcNotice[];

beforeEach(() => {
  bus = memoryBus();
  published = [];
  notices = [];
  const publish = bus.publish.bind(bus);
  bus.publish = (message) => {
    published.push(message);
    return publish(message);
  };
});

function manager(): ServiceManager<Services> {
  const made = new ServiceManager<Services>({
    bus,
    timeout: 10_000,
    on: (notice) => notices.push(notice),
  });
  onTestFinished(() => made.close());
  return made;
}

/** A server that notes what it executes, and answers when told to. */
async function server(answer: Promise<unknown> = Promise.resolve()) {
  const executed: string[] = [];
  const execute = async ({ volume }: { volume: string }) => {
    executed.push(volume);
    await answer;
    return `did ${volume}`;
  };
  const exposed = await manager().expose('volumes', {
    attach: execute,
    describe: { idempotent: true, handle: execute },
  });
  return { executed, exposed };
}

/** The first message under way whose body has this kind. */
async function sent(
  kind: string,
): Promise<BusMessage & { readonly value: Record<string, unknown> }> {
  return eventually(() => {
    for (const message of published) {
      if (message.contentType !== contentType) continue;
      const value = JSON.parse(Buffer.from(message.body).toString()) as Record<string, unknown>;
      if (value['kind'] === kind) return { ...message, value };
    }
    throw new Error(`no ${kind} was sent`);
  });
}

function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/**
 * A member of the pool that takes a request, and dies over it when told to: what it has goes back to
 * the pool, marked as redelivered.
 */
async function dyingServer(claims: boolean): Promise<{ die(): Promise<void> }> {
  let control = await bus.subscribe(['rpc.control.volumes'], () => {});
  const taken = gate();
  const member = await bus.subscribe(
    ['rpc.request.volumes'],
    async (delivery, signal) => {
      const { replyTo } = JSON.parse(Buffer.from(delivery.body).toString()) as { replyTo: string };
      if (claims) {
        await bus.publish({
          key: replyTo,
          id: 'claim',
          contentType,
          headers: {},
          body: Buffer.from(JSON.stringify({ kind: 'claim', request: delivery.id, claim: 'the dead', replyTo: inbox, redelivered: false })), // prettier-ignore
        });
        await sent('grant');
      }
      taken.open();
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('dead')));
      });
    },
    { pool: 'rpc/volumes', order: 'member', retry: { attempts: 1 } },
  );
  return {
    die: async () => {
      await taken.opened;
      await control.unsubscribe();
      await member.unsubscribe();
    },
  };
}

const inbox = 'rpc.inbox.00000000-0000-4000-8000-000000000000';

describe('a request that comes twice', () => {
  it('is executed once, by one of two servers', async () => {
    const answer = gate();
    const servers = [await server(answer.opened), await server(answer.opened)];
    const call = manager().client('volumes').attach({ volume: 'v1' });
    const request = await sent('request');
    const copies = async (count: number) => {
      await eventually(
        () =>
        expect(notices.filter(({ kind }) => kind === 'cancelled' || kind === 'duplicate')).toHaveLength(count), // prettier-ignore
      );
      expect(servers.flatMap(({ executed }) => executed)).toEqual(['v1']);
    };
    for (let copy = 0; copy < 4; copy += 1) await bus.publish(request);
    await copies(4);
    answer.open();
    expect(await call).toBe('did v1');
    // And once more, when it is long answered.
    await bus.publish(request);
    await copies(5);
  });

  it('is executed by another server when the first died before it began', async () => {
    const dying = await dyingServer(false);
    const call = manager().client('volumes').attach({ volume: 'v1' });
    await dying.die();
    const { executed } = await server();
    expect(await call).toBe('did v1');
    expect(executed).toEqual(['v1']);
  });

  it('is not executed again when the first died after it began: its caller is told', async () => {
    const dying = await dyingServer(true);
    const call = manager().client('volumes').attach({ volume: 'v1' });
    const ended = call.catch((error: unknown) => error);
    await dying.die();
    const { executed } = await server();
    expect(await ended).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      parameters: { service: 'volumes', method: 'attach', retrySafe: false },
    });
    expect(executed).toEqual([]);
  });

  it('is executed again if the method is idempotent', async () => {
    const dying = await dyingServer(true);
    const call = manager().client('volumes').describe({ volume: 'v1' });
    await dying.die();
    const { executed } = await server();
    expect(await call).toBe('did v1');
    expect(executed).toEqual(['v1']);
  });

  it('is not executed when its caller has gone', async () => {
    const dying = await dyingServer(false);
    const caller = manager();
    const ended = caller
      .client('volumes')
      .attach({ volume: 'v1' })
      .catch((error: unknown) => error);
    await sent('request');
    await caller.close();
    expect(await ended).toMatchObject({ code: 'CLOSED' });
    await dying.die();
    const { executed } = await server();
    await eventually(() => expect(notices.map(({ kind }) => kind)).toContain('duplicate'));
    expect(executed).toEqual([]);
  });
});

describe('a request past its deadline', () => {
  it('is not executed, though nobody cancelled it', async () => {
    const { executed } = await server();
    await bus.publish({
      key: 'rpc.request.volumes',
      id: 'late',
      contentType,
      headers: {},
      body: Buffer.from(
        JSON.stringify({
          kind: 'request',
          method: 'describe',
          args: { volume: 'v1' },
          replyTo: inbox,
          deadline: Date.now() - 1,
          timeout: 60_000,
        }),
      ),
    });
    await eventually(() =>
      expect(notices).toEqual([{ kind: 'expired', service: 'volumes', request: 'late' }]),
    );
    expect(executed).toEqual([]);
  });
});

describe('what is no request', () => {
  const valid = {
    kind: 'request',
    method: 'describe',
    args: { volume: 'forged' },
    replyTo: inbox,
    deadline: Date.now() + 3_600_000,
    timeout: 60_000,
  };

  // A request with one thing wrong, or something else altogether.
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
    fc
      .tuple(
        fc.constantFrom('kind', 'method', 'replyTo', 'deadline', 'timeout'),
        fc.jsonValue().filter((value) => typeof value !== 'string' && typeof value !== 'number'),
      )
      .map(([key, value]) => Buffer.from(JSON.stringify({ ...valid, [key]: value }))),
    fc
      .constantFrom(
        { ...valid, replyTo: 'source.ActionEvent.VM-START.x.y' },
        { ...valid, replyTo: 'rpc.inbox.#' },
        { ...valid, replyTo: 'rpc.request.volumes' },
        { ...valid, kind: 'cancel' },
        { ...valid, deadline: '2030' },
      )
      .map((value) => Buffer.from(JSON.stringify(value))),
    fc.nat(500).map((depth) => Buffer.from(`${'['.repeat(depth + 65)}${']'.repeat(depth + 65)}`)),
  );
  const anyContentType = fc.oneof(fc.constant(contentType), fc.string());

  it('is dead-lettered, crashes nothing, and nothing is executed', async () => {
    const { executed } = await server();
    const caller = manager().client('volumes');
    let count = 0;
    await fc.assert(
      fc.asyncProperty(body, anyContentType, async (bytes, type) => {
        count += 1;
        await bus.publish({
          key: 'rpc.request.volumes',
          id: String(count),
          contentType: type,
          headers: { traceparent: 'nonsense', actor: 7 },
          body: bytes,
        });
      }),
      { numRuns: 300 },
    );
    await bus.publish({
      key: 'rpc.request.volumes',
      id: '',
      contentType,
      headers: {},
      body: Buffer.from(JSON.stringify(valid)),
    });
    await eventually(async () => {
      const letters = (await bus.deadLetters?.read('rpc/volumes', { limit: 1_000 })) ?? [];
      expect(letters).toHaveLength(count + 1);
      for (const { reason } of letters) expect(reason).toMatch(/^The message is no request: /);
    });
    expect(executed).toEqual([]);
    expect(await caller.describe({ volume: 'v1' })).toBe('did v1');
  });

  it('in a request that is one: hostile method names and arguments are refused', async () => {
    const { executed } = await server();
    const untyped = new ServiceManager({ bus });
    onTestFinished(() => untyped.close());
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.constantFrom('constructor', 'toString', '__proto__', 'then')),
        fc.jsonValue(),
        async (name, args) => {
          await expect(untyped.call('volumes', name, args)).rejects.toMatchObject({
            code: expect.stringMatching(/^(UNKNOWN_METHOD|PAYLOAD_NOT_JSON)$/) as string,
          });
        },
      ),
      { numRuns: 100 },
    );
    expect(executed).toEqual([]);
  });
});

describe('what a peer can make others keep', () => {
  const message = (key: string, id: string, value: object): BusMessage => ({
    key,
    id,
    contentType,
    headers: {},
    body: Buffer.from(JSON.stringify(value)),
  });
  const request = (id: string, method: string, replyTo = inbox) =>
    message('rpc.request.volumes', id, {
      kind: 'request',
      method,
      args: { volume: id },
      replyTo,
      deadline: Date.now() + 25 * 60_000,
      timeout: 25 * 60_000,
    });

  it('the place of a request: a caller that takes claims and answers none is given up, and told', async () => {
    const { executed } = await server();
    const told: Record<string, unknown>[] = [];
    await bus.subscribe([inbox], (delivery) => {
      told.push(JSON.parse(Buffer.from(delivery.body).toString()) as Record<string, unknown>);
    });
    for (let count = 0; count < 16; count += 1) {
      await bus.publish(request(`silent ${count}`, 'attach'));
    }
    await eventually(() =>
      expect(notices.filter(({ kind }) => kind === 'silent')).toHaveLength(16),
    );
    // Those that follow them wait as long at most, and a call that waits behind them all is executed.
    expect(await manager().client('volumes').attach({ volume: 'v1' }, { timeout: 60_000 })).toBe(
      'did v1',
    );
    expect(executed).toEqual(['v1']);
    const replies = told.filter(({ kind }) => kind === 'reply');
    expect(replies.length).toBe(16);
    for (const reply of replies) {
      expect(reply).toMatchObject({ error: { code: 'SERVICE_UNAVAILABLE' } });
    }
    const claims = told.filter(({ kind }) => kind === 'claim');
    expect(claims.length).toBeLessThanOrEqual(16 * 5);
  }, 60_000);

  it('cancellations: no more than a thousand, each of an id of some length', async () => {
    const { executed } = await server();
    const cancel = (id: string) =>
      bus.publish(message('rpc.control.volumes', 'x', { kind: 'cancel', request: id }));
    await cancel('the first');
    await cancel('x'.repeat(256));
    for (let count = 0; count < 999; count += 1) await cancel(`other ${count}`);
    await bus.publish(request('the first', 'describe'));
    await eventually(() =>
      expect(notices).toContainEqual(
        expect.objectContaining({ kind: 'cancelled', request: 'the first' }),
      ),
    );
    expect(notices).toContainEqual({
      kind: 'malformed',
      reason: 'request has more than 255 characters',
    });
    await cancel('one more');
    await bus.publish(request('the first', 'describe'));
    await eventually(() => expect(executed).toEqual(['the first']));
  });

  it('grants under way: a flood of claims is answered by few at a time, and calls go on', async () => {
    await server();
    const caller = manager().client('volumes');
    await caller.attach({ volume: 'v1' });
    const address = String((await sent('request')).value['replyTo']);
    const publish = bus.publish.bind(bus);
    let underWay = 0;
    let most = 0;
    const slow = gate();
    bus.publish = async (each) => {
      const isGrant = each.key === inbox;
      if (!isGrant) return publish(each);
      underWay += 1;
      most = Math.max(most, underWay);
      await slow.opened;
      underWay -= 1;
      return publish(each);
    };
    for (let count = 0; count < 2_000; count += 1) {
      await publish(
        message(address, 'x', {
          kind: 'claim',
          request: `r${count}`,
          claim: `c${count}`,
          replyTo: inbox,
          redelivered: false,
        }),
      );
    }
    await eventually(() => expect(most).toBe(20));
    expect(await caller.attach({ volume: 'v2' })).toBe('did v2');
    expect(most).toBe(20);
    slow.open();
  });

  it('answers to be sent again: no more than a hundred', async () => {
    await server();
    for (let count = 0; count < 150; count += 1) {
      await bus.publish(request(`nobody ${count}`, 'describe', inbox.replace('4000', '4001')));
    }
    const unanswered = () => notices.filter(({ kind }) => kind === 'unanswered').length;
    await eventually(() => expect(unanswered()).toBe(50));
    await eventually(() => expect(unanswered()).toBe(150));
  });
});

describe('what is no answer', () => {
  it('settles no call, and crashes nothing', async () => {
    const answer = gate();
    await server(answer.opened);
    const call = manager().client('volumes').attach({ volume: 'v1' });
    const { id, value } = await sent('request');
    const address = String(value['replyTo']);
    const reply = { kind: 'reply', request: id };
    const forged = fc.oneof(
      fc.jsonValue(),
      fc.jsonValue().map((error) => ({ ...reply, error: error ?? 0 })),
      fc.jsonValue().map((request) => ({ ...reply, request })),
      fc.constantFrom(
        { ...reply, request: 'another' },
        { kind: 'grant', claim: 'another', granted: true },
        { kind: 'claim', request: id, claim: 'x', replyTo: 'a.b', redelivered: true },
        { kind: 'claim', request: id, claim: 'x', replyTo: inbox },
      ),
    );
    await sent('grant');
    await fc.assert(
      fc.asyncProperty(forged, async (message) => {
        await bus.publish({
          key: address,
          id: 'forged',
          contentType,
          headers: {},
          body: Buffer.from(JSON.stringify(message)),
        });
      }),
      { numRuns: 300 },
    );
    await bus.publish({ key: 'rpc.control.volumes', id: 'x', contentType: '', headers: {}, body: Buffer.from('{') }); // prettier-ignore
    answer.open();
    expect(await call).toBe('did v1');
    expect(notices.filter(({ kind }) => kind === 'malformed').length).toBeGreaterThan(100);
  });

  it('is what no subscriber of a topic gets either', async () => {
    const errors: Error[] = [];
    const events = new EventManager({ bus, onError: (error) => errors.push(error) });
    const seen: unknown[] = [];
    await events.subscribe('#', (payload) => seen.push(payload));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 20 }), async (bytes) => {
        await bus.publish({ key: 'events.x', id: 'x', contentType: '', headers: {}, body: Buffer.from([...bytes, 0x80]) }); // prettier-ignore
      }),
      { numRuns: 100 },
    );
    await events.emit('x', 'valid');
    await eventually(() => expect(seen).toEqual(['valid']));
    await events.close();
  });
});

describe('names that cannot be', () => {
  it('are refused before anything is sent', async () => {
    const invalid = { code: 'CONFIG_VALUE_INVALID' };
    const untyped = new ServiceManager({ bus });
    for (const name of ['', 'a.b', '#', '*', 'a b', 'x'.repeat(65), 'ü']) {
      await expect(untyped.call(name, 'm')).rejects.toMatchObject(invalid);
      await expect(untyped.expose(name, { m: () => 1 })).rejects.toMatchObject(invalid);
    }
    const thenable = Object.fromEntries([['then' as string, () => 1]]);
    for (const handlers of [{}, thenable, { m: 1 }, { m: {} }, { m: null }]) {
      await expect(untyped.expose('volumes', handlers as never)).rejects.toMatchObject(invalid);
    }
    for (const timeout of [0, -1, 1.5, Number.NaN, 1_500_001]) {
      await expect(untyped.call('volumes', 'm', {}, { timeout })).rejects.toMatchObject(invalid);
    }
    for (const root of ['', 'a..b', '#', 'a.*', 'x'.repeat(33)]) {
      expect(() => new ServiceManager({ bus, root })).toThrow(expect.objectContaining(invalid));
      expect(() => new EventManager({ bus, root })).toThrow(expect.objectContaining(invalid));
    }
    expect(published).toEqual([]);
    await untyped.expose('volumes', { m: () => 1 });
    await expect(untyped.expose('volumes', { m: () => 1 })).rejects.toMatchObject(invalid);
    // A client is no promise, and can be awaited.
    expect(await Promise.resolve(untyped.client('volumes'))).toBeTypeOf('object');
    await untyped.close();
  });
});
