import { utf8Length } from '../json/plain-json.js';
import { deadlineExceeded } from './lifecycle.js';

// The routing key of an event is at most 255 bytes. A uuid, the longest category, the dots and a
// source of 17 bytes take 76; what is left is shared between the type and the resource.
const longestResource = 64;
const longestEvent = 112;
// The state and the deadline are columns of 255 characters.
const longestState = 240;

/** What is wrong with a resource name; undefined when nothing is. */
export function resourceNameFault(name: string): string | undefined {
  return wordFault(name, longestResource) ?? contains(name, '.', 'a dot');
}

/** What is wrong with the name of a caller's event or of an event type; undefined when nothing is. */
export function eventNameFault(name: string): string | undefined {
  if (name === deadlineExceeded) return 'is reserved: it is announced when a deadline passes';
  if (name.startsWith('xstate.')) return "is reserved: 'xstate.' begins internal events";
  return wordFault(name, longestEvent);
}

/** What is wrong with the key of a state; undefined when nothing is. */
export function stateKeyFault(key: string): string | undefined {
  if (key.startsWith('{')) return "begins with '{', which marks the states of parallel regions";
  return wordFault(key, longestState) ?? contains(key, '.', 'a dot, which separates nested states');
}

/** What is wrong with the full name of a state; undefined when nothing is. */
export function stateNameFault(name: string): string | undefined {
  return name.length > longestState
    ? `is ${name.length} characters long; ${longestState} fit the state column`
    : undefined;
}

function wordFault(name: string, longest: number): string | undefined {
  if (name.trim() === '') return 'is empty';
  if (name === '-') return "is reserved: '-' stands for an empty word of a routing key";
  const bytes = utf8Length(name);
  if (bytes > longest) return `is ${bytes} bytes long; at most ${longest} fit a routing key`;
  if (/\p{Cc}/u.test(name)) return 'contains a control character';
  return contains(name, '*', "'*', a wildcard") ?? contains(name, '#', "'#', a wildcard");
}

function contains(name: string, part: string, what: string): string | undefined {
  return name.includes(part) ? `contains ${what}` : undefined;
}
