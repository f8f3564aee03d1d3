import type { Colour, Paint } from './paint.ts';
import { printable, shortened, widthOf } from './text.ts';

export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

export interface Column<Row> {
  readonly title: string;
  cell(row: Row): Cell | string;
  /** Names: their middle may be left out where it is narrow. */
  readonly shrinks?: true;
  /** Left out where it is narrow, the highest first. */
  readonly expendable?: number;
}

interface Laid {
  readonly cells: readonly Cell[];
  readonly shrinks: boolean;
  readonly expendable: number;
  /** What it needs. */
  readonly natural: number;
  /** What it gets. */
  width: number;
}

const GAP = '  ';
/** Names are shortened to this before columns are left out, and further only after that. */
const COMFORTABLE = 20;
const NARROWEST = 8;

/**
 * The lines of a table: titles, then a line for each row.
 *
 * @param width - columns of the terminal; as wide as needed if undefined
 */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
  paint: Paint,
): string[] {
  const laid = columns.map((column): Laid => {
    const cells = [column.title, ...rows.map((row) => column.cell(row))].map((cell) =>
      typeof cell === 'string'
        ? { text: printable(cell) }
        : { ...cell, text: printable(cell.text) },
    );
    const natural = cells.reduce((most, { text }) => Math.max(most, widthOf(text)), 0);
    const { shrinks = false, expendable = 0 } = column;
    return { cells, shrinks, expendable, natural, width: natural };
  });
  const shown = width === undefined ? laid : fitted(laid, width);
  return ['', ...rows].map((_, line) =>
    shown
      .map((column, index) => {
        const cell = column.cells[line] ?? { text: '' };
        const text = shortened(cell.text, column.width);
        const isLast = index === shown.length - 1;
        const padding = isLast ? '' : ' '.repeat(column.width - widthOf(text));
        const colour = line === 0 ? 'dim' : cell.colour;
        return (colour === undefined ? text : paint(colour, text)) + padding;
      })
      .join(GAP)
      .trimEnd(),
  );
}

function fitted(all: readonly Laid[], width: number): readonly Laid[] {
  let shown = all;
  const excess = (): number =>
    shown.reduce((sum, column) => sum + column.width, GAP.length * (shown.length - 1)) - width;
  shrink(shown, excess, COMFORTABLE);
  while (excess() > 0) {
    const most = Math.max(...shown.map(({ expendable }) => expendable));
    if (most === 0) break;
    shown = shown.filter(({ expendable }) => expendable !== most);
  }
  for (const column of shown) column.width = column.natural;
  shrink(shown, excess, NARROWEST);
  return shown;
}

/** Takes a column of the widest name at a time. */
function shrink(columns: readonly Laid[], excess: () => number, least: number): void {
  const names = columns.filter((column) => column.shrinks);
  while (excess() > 0) {
    const widest = names.reduce<Laid | undefined>(
      (most, column) => (most && most.width >= column.width ? most : column),
      undefined,
    );
    if (!widest || widest.width <= least) return;
    widest.width -= 1;
  }
}
