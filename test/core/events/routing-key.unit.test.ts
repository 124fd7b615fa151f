import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../../src/core/errors/errors.js';
import { parseRoutingKey, routingKey, routingKeyOf } from '../../../src/core/events/routing-key.js';
import { sampleEvents } from './sample-events.js';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', '.', '*', '#', 'a.b', ' ', 'é', '\ud800', '日本'),
);

describe('the routing key', () => {
  it('has exactly five words, none empty and none with a wildcard, whatever it is made of', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, fc.option(anyText), (source, type, resource, uuid) => {
        const key = routingKey({
          source,
          category: 'ActionEvent',
          type,
          resource,
          uuid: uuid ?? undefined,
        });
        const words = key.split('.');
        expect(words).toHaveLength(5);
        for (const word of words) expect(word).toMatch(/^[^.*#\p{Cc}\p{Cs}]+$/u);
        expect(Buffer.from(key).toString()).toBe(key);
        expect(parseRoutingKey(key)?.category).toBe('ActionEvent');
      }),
    );
  });

  it('writes the dots of a type as dashes and an absent word as a dash', () => {
    expect(
      routingKey({ source: 'management-server', category: 'ActionEvent', type: 'VM.START' }),
    ).toBe('management-server.ActionEvent.VM-START.-.-');
  });

  it('keeps spaces and letters of any script', () => {
    expect(
      routingKey({
        source: 'a b',
        category: 'AlertEvent',
        type: 'Ärger',
        resource: '資源',
        uuid: '1',
      }),
    ).toBe('a b.AlertEvent.Ärger.資源.1');
  });

  it('of an event takes the resource from the subject', () => {
    expect(sampleEvents.map(routingKeyOf)).toEqual([
      'management-server.ResourceStateEvent.StartRequested.VirtualMachine.9d827485-0f46-4db8-bd39-fede97cbac0c',
      'management-server.ActionEvent.VM-START.VirtualMachine.9d827485-0f46-4db8-bd39-fede97cbac0c',
      'management-server.UsageEvent.VOLUME-CREATE.Volume.0a7ea29e-691b-11e2-bafa-2c3ba27d8c47',
      'management-server.AlertEvent.ALERT-RESOURCE-STUCK.-.-',
      'management-server.AsyncJobEvent.update.VirtualMachine.-',
    ]);
  });

  it('of 255 bytes is accepted and of 256 refused, counted in UTF-8', () => {
    const key = (source: string) => routingKey({ source, category: 'ActionEvent', type: 't' });
    const rest = key('x').length - 1;
    expect(Buffer.byteLength(key('x'.repeat(255 - rest)))).toBe(255);
    for (const long of ['x'.repeat(256 - rest), 'é'.repeat(Math.ceil((256 - rest) / 2))]) {
      expect(() => key(long)).toThrow(RefusedError);
      expect(() => key(long)).toThrow(/more than the 255/);
    }
  });

  it('is parsed only when it has five words', () => {
    expect(parseRoutingKey('a.b.c.d')).toBeUndefined();
    expect(parseRoutingKey('a.b.c.d.')).toBeUndefined();
    expect(parseRoutingKey('a.b.c.d.e.f')).toBeUndefined();
    expect(parseRoutingKey('s.AlertEvent.ALERT-CPU.-.-')).toEqual({
      source: 's',
      category: 'AlertEvent',
      type: 'ALERT-CPU',
      resource: undefined,
      uuid: undefined,
    });
  });
});
