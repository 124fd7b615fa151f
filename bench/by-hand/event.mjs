import { randomUUID } from 'node:crypto';

export const flip = (state) =>
  state === 'Off' ? { event: 'SwitchedOn', to: 'On' } : { event: 'SwitchedOff', to: 'Off' };

/** A CloudEvent of the same size as Signalbox's, and its routing key. */
export function eventOf(id, { state, version, account, domain, project }) {
  const { event, to } = flip(state);
  const eventId = randomUUID();
  return {
    to,
    eventId,
    key: `management-server.ResourceStateEvent.${event}.Lamp.${id}`,
    payload: JSON.stringify({
      specversion: '1.0',
      id: eventId,
      source: 'management-server',
      type: event,
      subject: `Lamp/${id}`,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      dataschema: 'https://signalbox.dev/schemas/ResourceStateEvent/1',
      partitionkey: id,
      category: 'ResourceStateEvent',
      actor: 'bench',
      account,
      domain,
      project,
      revision: version + 1,
      data: { event, old: state, new: to, lifecycleVersion: 1, changed: true },
    }),
  };
}
