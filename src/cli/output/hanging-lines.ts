import { wrapped } from '../wrapped.ts';

/**
 * A sentence after a head, and where the terminal is too narrow for it, on more lines, each of which
 * begins where it does.
 *
 * @param width - columns of the terminal; one line if undefined
 */
export function hangingLines(head: string, text: string, width: number | undefined): string[] {
  const lines = width === undefined ? [text] : wrapped(text, width - head.length);
  return lines.map((line, index) => (index === 0 ? head : ' '.repeat(head.length)) + line);
}
