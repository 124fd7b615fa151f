import type { LifecycleDescription } from '../core/lifecycle/describe-lifecycle.js';

type Fields = Readonly<Record<string, unknown>>;

/** Whether parsed JSON is what `signalbox machine --format json` prints. */
export function isDescription(value: unknown): value is LifecycleDescription {
  return (
    isFields(value) &&
    typeof value['resource'] === 'string' &&
    typeof value['version'] === 'number' &&
    typeof value['initial'] === 'string' &&
    isListOf(value['initialStates'], isString) &&
    isListOf(value['events'], isString) &&
    isListOf(value['states'], isState) &&
    isListOf(value['deadlines'], isDeadline) &&
    isListOf(value['creations'], isCreation) &&
    isListOf(value['transitions'], isTransition)
  );
}

function isState(value: unknown): boolean {
  return (
    isFields(value) &&
    isString(value['name']) &&
    typeof value['final'] === 'boolean' &&
    isListOf(value['tags'], isString) &&
    isListOf(value['deadlines'], isString) &&
    (value['deadline'] === null || typeof value['deadline'] === 'number')
  );
}

function isDeadline(value: unknown): boolean {
  return (
    isFields(value) &&
    isString(value['id']) &&
    isString(value['state']) &&
    typeof value['after'] === 'number' &&
    isEffect(value['alert'])
  );
}

function isCreation(value: unknown): boolean {
  return (
    isFields(value) &&
    isString(value['state']) &&
    isListOf(value['effects'], isEffect) &&
    isListOf(value['arms'], isString)
  );
}

function isTransition(value: unknown): boolean {
  return (
    isFields(value) &&
    isString(value['from']) &&
    isString(value['event']) &&
    isString(value['to']) &&
    (value['guard'] === undefined || isString(value['guard'])) &&
    isListOf(value['effects'], isEffect)
  );
}

function isEffect(value: unknown): boolean {
  return isFields(value) && isString(value['category']) && isString(value['type']);
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every((one) => isOne(one));
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
