import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startService, type TestService } from './support/service.js';
import { newEvent } from './support/stores.js';

let service: TestService;
beforeAll(async () => {
  service = await startService('sqlite', {
    hubs: ['https://hub.example/a?b=1&c=2', 'https://other.example/'],
    publicUrl: 'https://events.example/',
  });
});
afterAll(() => service[Symbol.asyncDispose]());

let number = 0;
const change = (old: string, state: string, event = 'Started') => ({
  event,
  old,
  new: state,
  changed: true,
  lifecycleVersion: 1,
});
const publish = async (given: Parameters<typeof newEvent>[0] = {}): Promise<string> => {
  number += 1;
  const event = newEvent({
    category: 'ResourceStateEvent',
    type: 'Started',
    resource: 'Server',
    uuid: '0a8f7f0e-5f0e-4d8e-9f0e-5f0e4d8e9f0e',
    revision: number,
    account: 'acme',
    data: change('Starting', 'Running'),
    ...given,
  });
  await service.publish(event);
  return `urn:uuid:${event.id}`;
};

const get = async (path: string, headers: Record<string, string> = {}, token?: string) => {
  const { response, status } = await service.call('GET', path, {
    headers,
    ...(token === undefined ? {} : { token }),
  });
  return { status, xml: response.bodyUsed ? '' : await response.text(), headers: response.headers };
};

const idsOf = (xml: string): string[] =>
  [...xml.matchAll(/<entry>\n<id>([^<]*)<\/id>/g)].map(([, id]) => id ?? '');
const linkOf = (xml: string, rel: string): string | undefined =>
  new RegExp(`<link rel="${rel}" href="https://events\\.example([^"]*)"`)
    .exec(xml)?.[1]
    ?.replaceAll('&amp;', '&');

/** Reads a feed as RFC 5005 tells pollers: back to a document that is known. */
async function poll(start: string, known: Set<string>): Promise<string[]> {
  const found: string[] = [];
  let path: string | undefined = start;
  while (path !== undefined && !known.has(path)) {
    const { xml, status } = await get(path);
    expect(status).toBe(200);
    found.push(...idsOf(xml));
    if (path !== start) known.add(path);
    path = linkOf(xml, 'prev-archive');
  }
  return found;
}

const schema = resolve(import.meta.dirname, '../fixtures/atom.rng');
const validate = (xml: string): void => {
  execFileSync('xmllint', ['--noout', '--relaxng', schema, '-'], { input: xml, stdio: 'pipe' });
};

describe('an Atom feed', () => {
  test('is valid by the RELAX NG schema of RFC 4287, whatever an event holds', async () => {
    validate((await get('/feeds/events.atom?type=None')).xml);
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom('ResourceStateEvent', 'AlertEvent'),
        async (text, category) => {
          const data =
            category === 'AlertEvent' ? { subject: `A${text}` } : change(`A${text}`, `B${text}`);
          await publish({ category, type: category === 'AlertEvent' ? 'ALERT.X' : 'Moved', data });
        },
      ),
      { numRuns: 40 },
    );
    const { xml, headers } = await get('/feeds/events.atom');
    validate(xml);
    expect(headers.get('content-type')).toBe('application/atom+xml; charset=utf-8');
    expect(xml).toContain('<link rel="hub" href="https://hub.example/a?b=1&amp;c=2"/>');
    expect(xml).toContain('<link rel="hub" href="https://other.example/"/>');
    expect(linkOf(xml, 'self')).toBe('/feeds/events.atom');
    expect(idsOf(xml)).toHaveLength(40);
  });

  test('is answered with 304 until there is a new entry', async () => {
    const first = await get('/feeds/events.atom');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{27}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*'])
      expect(await get('/feeds/events.atom', { 'if-none-match': known })).toMatchObject({
        status: 304,
        xml: '',
      });
    const id = await publish();
    const second = await get('/feeds/events.atom', { 'if-none-match': etag });
    expect(second.status).toBe(200);
    expect(idsOf(second.xml)[0]).toBe(id);
  });

  test('misses no entry, however many came between two polls', async () => {
    const types = ['Started', 'Stopped', 'Resized'];
    const published = new Map<string, string[]>(types.map((type) => [type, []]));
    const all: string[] = [];
    const known = new Map(['', ...types].map((type) => [type, new Set<string>()]));
    const seen = new Map(['', ...types].map((type) => [type, new Set<string>()]));
    const start = new Date().toISOString();
    const batches = [0, 3, 120, 99, 100, 1, 250].map((size) =>
      Array.from(
        { length: size },
        (_, index) => types[(index * 7 + size) % (index % 5 === 0 ? 3 : 2)],
      ),
    );
    for (const batch of batches) {
      for (const type of batch.filter((each) => each !== undefined)) {
        const id = await publish({ type, time: start, resource: 'Polled' });
        all.push(id);
        published.get(type)?.push(id);
      }
      for (const type of ['', ...types]) {
        const query = `resource=Polled${type === '' ? '' : `&type=${type}`}`.split('&').toSorted();
        const path = `/feeds/events.atom?${query.join('&')}`;
        for (const id of await poll(path, known.get(type) as Set<string>)) seen.get(type)?.add(id);
        expect([...(seen.get(type) as Set<string>)].toSorted()).toEqual(
          (type === '' ? all : (published.get(type) as string[])).toSorted(),
        );
      }
    }
  }, 120_000);

  test('has archives that are valid, never change, and may be kept', async () => {
    const { xml } = await get('/feeds/events.atom');
    const path = linkOf(xml, 'prev-archive') ?? '';
    const archive = await get(path);
    validate(archive.xml);
    expect(archive.xml).toContain('<fh:archive/>');
    expect(archive.headers.get('cache-control')).toContain('immutable');
    expect(linkOf(archive.xml, 'current')).toBe('/feeds/events.atom');
    for (let index = 0; index < 3; index += 1) await publish();
    expect((await get(path)).xml).toBe(archive.xml);
    const etag = archive.headers.get('etag') ?? '';
    expect((await get(path, { 'if-none-match': etag })).status).toBe(304);
  });

  test('has no archive of numbers that are not given yet, or of another word', async () => {
    for (const page of ['999999', '-1', 'x', '1.5', '9'.repeat(40)])
      expect((await get(`/feeds/archive/${page}`)).status).toBe(404);
  });

  test('is read by feedparser and newsboat', async () => {
    const id = await publish({
      type: 'Resized',
      data: change('Ready', 'Resizing'),
    });
    const { xml } = await get('/feeds/events.atom');
    const program =
      'import feedparser, json, sys; f = feedparser.parse(sys.stdin.buffer.read());' +
      'e = f.entries[0]; print(json.dumps([f.bozo, [l.href for l in f.feed.links if l.rel == "hub"],' +
      'e.id, e.title, e.author, json.loads(e.content[0].value)["type"], len(f.entries)]))';
    const parsed = execFileSync('/usr/bin/python3', ['-c', program], { input: xml });
    expect(JSON.parse(parsed.toString())).toEqual([
      false,
      ['https://hub.example/a?b=1&c=2', 'https://other.example/'],
      id,
      'Resized Server: Ready → Resizing',
      'management-server',
      'Resized',
      100,
    ]);

    const folder = mkdtempSync(join(tmpdir(), 'signalbox-newsboat-'));
    try {
      writeFileSync(join(folder, 'feed.atom'), xml);
      writeFileSync(join(folder, 'urls'), `file://${join(folder, 'feed.atom')}\n`);
      const reader = ['-u', join(folder, 'urls'), '-c', join(folder, 'cache.db')];
      const unread = () =>
        execFileSync('newsboat', [...reader, '-x', 'print-unread'], {
          env: { ...process.env, HOME: folder },
        }).toString();
      execFileSync('newsboat', [...reader, '-x', 'reload'], {
        env: { ...process.env, HOME: folder },
      });
      expect(unread()).toContain('100 unread');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("shows a tenant its own events, and no trace of another's", async () => {
    const { body } = await service.call('POST', '/tokens', {
      body: { name: 'small', owner: { account: 'small' }, scopes: ['read'] },
    });
    const { token } = body as { readonly token: string };
    const own = await publish({ account: 'small' });
    await publish({ account: 'other', type: 'Secret' });
    const feed = await get('/feeds/events.atom', {}, token);
    expect(idsOf(feed.xml)).toEqual([own]);
    expect(feed.xml).not.toContain('Secret');
    const everybody = await get('/feeds/events.atom');
    const idOf = (xml: string) => /<id>([^<]*)<\/id>/.exec(xml)?.[1];
    expect(idOf(feed.xml)).not.toBe(idOf(everybody.xml));
    // What another has been given validates nothing here.
    const etag = everybody.headers.get('etag') ?? '';
    expect((await get('/feeds/events.atom', { 'if-none-match': etag }, token)).status).toBe(200);
    for (const path of [linkOf(everybody.xml, 'prev-archive') ?? '', '/feeds/archive/0']) {
      const archived = await get(path, {}, token);
      expect(archived.status === 404 || !archived.xml.includes('acme')).toBe(true);
    }
  });
});
