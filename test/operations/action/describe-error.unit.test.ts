import { expect, test } from 'vitest';
import { describeError } from '../../../src/operations/action/action.js';

test.each(['secret', 's@cret', 'sec/ret', 's:c@r/t@', ''])(
  'a password %s in an address is masked whole',
  (password) => {
    const { message } = describeError(new Error(`amqp://user:${password}@host/vhost is full`));
    expect(message).toBe('amqp://user:***@host/vhost is full');
  },
);

test('an address without a password stays as it is', () => {
  const text = 'http://host:8080/path answered ops@example.org';
  expect(describeError(new Error(text)).message).toBe(text);
});
