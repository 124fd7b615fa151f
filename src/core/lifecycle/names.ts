import { utf8Length } from '../json/plain-json.js';
import { deadlineExceeded } from './lifecycle.js';

// The routing key of an event is at most 255 bytes. A uuid, the longest category, the dots and a
// source of 17 bytes take 76; what is left is shared between the type and the resource.
const longestResource = 64;
const longestEvent = 112;
// The state and the deadline are columns of 255 characters.
const longestState = 240;

/** Returns the fault of a resource name; undefined when it is valid. */
export function resourceNameFault(name: string): string | undefined {
  return wordFault(name, longestResource) ?? contains(name, '.', 'a dot');
}

/** Returns the fault of the name of a caller's event or of an event type; undefined when it is valid. */
export function eventNameFault(name: string): string | undefined {
  if (name === deadlineExceeded) return 'is reserved: it is announced when a deadline passes';
  if (name.startsWith('xstate.')) return "is reserved: 'xstate.' begins internal events";
  return wordFault(name, longestEvent);
}

/** Returns the fault of the key of a state; undefined when it is valid. */
export function stateKeyFault(key: string): string | undefined {
  if (key.startsWith('{')) return "begins with '{', which marks the states of parallel regions";
  return wordFault(key, longestState) ?? contains(key, '.', 'a dot, which separates nested states');
}

/** Returns the fault of the full name of a state; undefined when it is valid. */
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
