import { spread } from './measure.mjs';

/**
 * One line of the table: what Signalbox does against its reference, paired by rounds, so that the ratio
 * of a round is of the same minute.
 *
 * @param goal `{ least }` or `{ most }`; absent where the figure only informs.
 * @param measure which number of a sample: `rate` (default), `p50`, any other, or what tells it.
 */
export function figure({ name, goal, subject, reference, measure = 'rate', unit = '/s' }) {
  const read = typeof measure === 'function' ? measure : (sample) => sample[measure];
  const pick = ({ samples }) => samples.map(read);
  const [ours, theirs] = [pick(subject), pick(reference)];
  const ratio = spread(ours.map((value, round) => value / theirs[round]));
  return {
    name,
    unit,
    subject: { name: subject.name, ...spread(ours) },
    reference: { name: reference.name, ...spread(theirs) },
    ratio,
    ...(goal === undefined ? {} : { goal, met: meets(goal, ratio.median) }),
  };
}

/** A figure that is a number by itself, such as a share of callers. */
export function plainFigure({ name, goal, value, unit = '', reference }) {
  const [one] = Array.isArray(value) ? [spread(value)] : [spread([value])];
  return {
    name,
    unit,
    subject: { name: 'Signalbox', ...one },
    ...(reference === undefined ? {} : { reference }),
    ratio: one,
    ...(goal === undefined ? {} : { goal, met: meets(goal, one.median) }),
  };
}

const meets = ({ least = -Infinity, most = Infinity }, value) => value >= least && value <= most;
