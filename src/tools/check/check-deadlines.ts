import { durationText } from '../../core/lifecycle/duration-text.js';
import { deadlineExceeded } from '../../core/lifecycle/lifecycle.js';
import type { Findings } from './finding.js';
import { neverPassing } from './never-passing.js';
import type { RegionView } from './region-view.js';

/** Finds deadlines that never pass, because shorter ones always cancel them first. */
export function checkDeadlines({ resource, region }: RegionView, findings: Findings): void {
  if (region === undefined) return;
  for (const { id: deadline, state, after } of neverPassing(region)) {
    findings.add(
      'NEVER_TAKEN',
      { ...(state === '' ? {} : { state }), event: deadlineExceeded, deadline },
      `The deadline of ${durationText(after)} in ${state === '' ? resource : state} never passes: a shorter one always cancels it first.`,
    );
  }
}
