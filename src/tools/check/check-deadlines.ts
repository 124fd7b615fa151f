import { durationText } from '../../core/lifecycle/duration-text.js';
import { type AnyLifecycle, deadlineExceeded } from '../../core/lifecycle/lifecycle.js';
import type { Findings } from './finding.js';
import { neverPassing } from './never-passing.js';

/** Finds deadlines that never pass, because shorter ones always cancel them first. */
export function checkDeadlines(lifecycle: AnyLifecycle, findings: Findings): void {
  const { resource } = lifecycle;
  for (const { id: deadline, state, after } of neverPassing(lifecycle)) {
    findings.add(
      'NEVER_TAKEN',
      { ...(state === '' ? {} : { state }), event: deadlineExceeded, deadline },
      `The deadline of ${durationText(after)} in ${state === '' ? resource : state} never passes: a shorter one always cancels it first.`,
    );
  }
}
