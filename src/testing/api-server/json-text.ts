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

/** What is wrong with a text that is no JSON, in the words of Go's encoding/json. */
export function jsonProblem(text: string): string {
  if (text.trim() === '') return 'unexpected end of JSON input';
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    if (/end of JSON|Unterminated/.test(message)) return 'unexpected end of JSON input';
    const position = /position (\d+)/.exec(message)?.[1];
    const character = position === undefined ? text.trim()[0] : text[Number(position)];
    const inKey = /property name/.test(message) ? 'object key string' : 'value';
    return `invalid character '${character ?? ''}' looking for beginning of ${inKey}`;
  }
}
