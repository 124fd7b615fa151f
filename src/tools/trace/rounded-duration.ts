import { durationText } from '../../core/lifecycle/duration-text.js';

const units = [24 * 60 * 60 * 1000, 60 * 60 * 1000, 60 * 1000, 1000, 1];

/** A measured duration in its two largest units: `2 h 13 min`, `4 s 20 ms`. Pure. */
export function roundedDuration(milliseconds: number): string {
  if (milliseconds < 1) return '0 ms';
  const largest = units.findIndex((unit) => milliseconds >= unit);
  const [unit = 1, smaller = 1] = units.slice(largest);
  const exact = Math.floor(milliseconds / smaller) * smaller;
  const whole = Math.floor(exact / unit) * unit;
  const rest = exact - whole;
  return rest === 0 ? durationText(whole) : `${durationText(whole)} ${durationText(rest)}`;
}
