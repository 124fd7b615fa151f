import { valuesAt } from '../filter/content-filter.js';

/**
 * Pure. JSON with what the event has in place of `{{path}}`: as it is where a text is nothing else, in the
 * text elsewhere. What the event does not have is null, or no text.
 *
 * @example
 * fillTemplate({ text: '{{type}} of {{subject}}', size: '{{data.details.size}}' }, event)
 */
export function fillTemplate(template: unknown, event: unknown): unknown {
  if (typeof template === 'string') return fillText(template, event);
  if (Array.isArray(template)) return template.map((each) => fillTemplate(each, event));
  if (typeof template === 'object' && template !== null) {
    return Object.fromEntries(
      Object.entries(template).map(([name, value]) => [name, fillTemplate(value, event)]),
    );
  }
  return template;
}

function fillText(text: string, event: unknown): unknown {
  const [, whole] = /^\{\{\s*([\w.-]+)\s*\}\}$/.exec(text) ?? [];
  if (whole !== undefined) return at(whole, event) ?? null;
  return text.replaceAll(/\{\{\s*([\w.-]+)\s*\}\}/g, (_, path: string) => {
    const value = at(path, event);
    return value == null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  });
}

function at(path: string, event: unknown): unknown {
  const names = path.split('.');
  const last = names.pop() as string;
  const [owner] = names.length === 0 ? [event] : valuesAt(event, names);
  return typeof owner === 'object' && owner !== null && Object.hasOwn(owner, last)
    ? (owner as Record<string, unknown>)[last]
    : undefined;
}
