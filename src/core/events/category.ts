/** The five categories of events, after Apache CloudStack's `EventCategory`. */
export const categories = [
  'ResourceStateEvent',
  'ActionEvent',
  'UsageEvent',
  'AlertEvent',
  'AsyncJobEvent',
] as const satisfies readonly Category[];

/** The second word of the routing key. */
export type Category =
  'ResourceStateEvent' | 'ActionEvent' | 'UsageEvent' | 'AlertEvent' | 'AsyncJobEvent';
