import { styleText } from 'node:util';

export type Colour = 'red' | 'yellow' | 'green' | 'dim' | 'bold';

/** Colours a text, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

/** Colours for stdout: on a terminal only, and as `NO_COLOR` and `FORCE_COLOR` ask. */
export const paintStdout: Paint = (colour, text) =>
  styleText(colour, text, { stream: process.stdout });

/**
 * The columns of the terminal; undefined when stdout is none, or nobody has set its size (0, as in
 * some containers), and nothing need be shortened.
 */
export function terminalWidth(): number | undefined {
  const { isTTY, columns } = process.stdout;
  return isTTY && columns > 0 ? columns : undefined;
}
