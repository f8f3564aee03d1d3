import { isJsonObject } from './object.ts';
import type { Json } from './object.ts';

/**
 * The paths of keys that a JSON text names twice, such as `spec.renewTime`: JSON.parse keeps the last
 * one and tells nobody.
 *
 * @param text - valid JSON
 */
export function duplicateKeys(text: string): Set<string> {
  const found = new Set<string>();
  const frames: Frame[] = [];
  let lastString = '';
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/gs)) {
    const frame = frames.at(-1);
    switch (token) {
      case '{':
      case '[':
        frames.push({
          path: frame ? pathOf(frame) : '',
          keys: new Set(),
          key: '',
          index: token === '[' ? 0 : undefined,
        });
        break;
      case '}':
      case ']':
        frames.pop();
        break;
      case ',':
        if (frame?.index !== undefined) frame.index += 1;
        break;
      case ':':
        if (!frame) break;
        frame.key = JSON.parse(lastString) as string;
        if (frame.keys.has(frame.key)) found.add(pathOf(frame));
        frame.keys.add(frame.key);
        break;
      default:
        lastString = token;
    }
  }
  return found;
}

interface Frame {
  readonly path: string;
  readonly keys: Set<string>;
  key: string;
  /** Of the item that is read; undefined in an object. */
  index: number | undefined;
}

function pathOf({ path, key, index }: Frame): string {
  return index === undefined ? joined(path, key) : `${path}[${String(index)}]`;
}

/** The path of a field, as messages give it. */
export function joined(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

const MOST_DEPTH = 10_000;

function isTooDeep(text: string): boolean {
  if (text.length <= MOST_DEPTH) return false;
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/gs)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth > MOST_DEPTH) return true;
  }
  return false;
}

/** A character as Go quotes it. */
function printable(character: string): string {
  const code = character.charCodeAt(0);
  const isControl = code < 0x20 || (code >= 0x7f && code <= 0xa0);
  return isControl ? `\\u${code.toString(16).padStart(4, '0')}` : character;
}

/** What is wrong with a text that is no JSON, in the words of Go's encoding/json. */
export function jsonProblem(text: string): string {
  if (text.trim() === '') return 'unexpected end of JSON input';
  if (isTooDeep(text)) return "invalid character '[' exceeded max depth";
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    if (/end of JSON|Unterminated/.test(message)) return 'unexpected end of JSON input';
    const position = /position (\d+)/.exec(message)?.[1];
    if (Number(position) >= text.trimEnd().length) return 'unexpected end of JSON input';
    const found = position === undefined ? text.trim()[0] : text[Number(position)];
    const character = printable(found ?? '');
    if (/after JSON/.test(message)) return `invalid character '${character}' after top-level value`;
    const inKey = /property name/.test(message) ? 'object key string' : 'value';
    return `invalid character '${character}' looking for beginning of ${inKey}`;
  }
}

const TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/**
 * The object that a text is; `null` is an empty one, as in Go.
 *
 * @param problem - makes the error, of what is wrong with the text
 */
export function parseObject(text: string, problem: (why: string) => Error): Json {
  const why = jsonProblem(text);
  if (why !== '') throw problem(why);
  const value: unknown = JSON.parse(text);
  if (isJsonObject(value)) return value;
  if (value === null) return {};
  const found = Array.isArray(value) ? 'array' : typeof value;
  throw problem(`json: cannot unmarshal ${found} into Go value of type ${TYPE_META}`);
}
