import type { DescribedEffect } from '../../core/lifecycle/describe-lifecycle.js';
import { canonicalJson } from '../../core/json/canonical-json.js';

/** An effect with its data, in one text: equal texts, equal effects. Pure. */
export function effectText({ category, type, data }: DescribedEffect): string {
  return data === undefined ? `${category} ${type}` : `${category} ${type} ${canonicalJson(data)}`;
}
