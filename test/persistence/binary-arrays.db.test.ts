import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  bigintArray,
  intArray,
  smallintArray,
  textArray,
  timeArray,
  uuidArray,
} from '../../src/persistence/postgres/binary-arrays.js';
import { type PumpDatabase, pumpDatabase } from './pump-database.js';

let database: PumpDatabase;
beforeAll(async () => (database = await pumpDatabase()));
afterAll(() => database[Symbol.asyncDispose]());

/** The array as the server understands it, each element in its own words. */
async function understood(type: string, array: Buffer): Promise<unknown> {
  const { master } = database.dataSource.driver as unknown as { master: pg.Pool };
  const { rows } = await master.query<{ told: unknown }>(
    `SELECT to_json(array(SELECT e::text FROM unnest($1::${type}[]) WITH ORDINALITY AS u (e, n)
      ORDER BY n)) AS told`,
    [array],
  );
  return rows[0]?.told;
}

test('uuids arrive, in either case, and none where there is none', async () => {
  const uuids = Array.from({ length: 50 }, () => randomUUID());
  expect(await understood('uuid', uuidArray(uuids))).toEqual(uuids);
  expect(await understood('uuid', uuidArray(uuids.map((uuid) => uuid.toUpperCase())))).toEqual(
    uuids,
  );
  const last = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  expect(await understood('uuid', uuidArray([undefined, last, undefined]))).toEqual([
    null,
    last,
    null,
  ]);
});

test('integers arrive over their whole range', async () => {
  const small = [0, 1, -1, 32_767, -32_768];
  expect(await understood('smallint', smallintArray(small))).toEqual(small.map(String));
  const middle = [0, -1, 2 ** 31 - 1, -(2 ** 31)];
  expect(await understood('int', intArray(middle))).toEqual(middle.map(String));
  const large = [0, -1, 2 ** 31, 2 ** 32, -(2 ** 32) - 1, 2 ** 53 - 1, -(2 ** 53) + 1];
  expect(await understood('bigint', bigintArray([...large, undefined]))).toEqual([
    ...large.map(String),
    null,
  ]);
});

test('times arrive to the millisecond, before and after the year 2000', async () => {
  const times = [
    '2026-11-26T02:25:54.123Z',
    '2026-11-26T02:25:54.123Z',
    '1999-12-31T23:59:59.999Z',
    '1970-01-01T00:00:00.001Z',
    '9999-12-31T23:59:59.999Z',
  ];
  const told = (await understood('timestamptz', timeArray(times))) as string[];
  expect(told.map((time) => new Date(time).toISOString())).toEqual(times);
});

test('texts arrive with every character, empty ones and none', async () => {
  const texts = ['', 'a "b" \\ {c,d} \u0001\u001f', 'ü 漢 \u{1F600}', 'NULL', undefined, ''];
  expect(await understood('text', textArray(texts))).toEqual(texts.map((text) => text ?? null));
});

test('an array of nothing is empty', async () => {
  expect(await understood('uuid', uuidArray([]))).toEqual([]);
  expect(await understood('text', textArray([]))).toEqual([]);
});
