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

interface Laid<Row> extends Column<Row> {
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
 * The lines of a table: titles, then a line for each row. Goes through the rows twice, and keeps none:
 * there may be ten thousand.
 *
 * @param width - columns of the terminal; as wide as needed if undefined
 */
export function* tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: Iterable<Row>,
  width: number | undefined,
  paint: Paint,
): Generator<string, void, undefined> {
  const natural = columns.map(({ title }) => widthOf(title));
  for (const row of rows) {
    columns.forEach((column, index) => {
      natural[index] = Math.max(natural[index] ?? 0, widthOf(cellOf(column, row).text));
    });
  }
  const laid = columns.map((column, index): Laid<Row> => ({
    ...column,
    natural: natural[index] ?? 0,
    width: natural[index] ?? 0,
  }));
  const shown = width === undefined ? laid : fitted(laid, width);
  yield line(shown, ({ title }) => ({ text: title, colour: 'dim' }), paint);
  for (const row of rows) yield line(shown, (column) => cellOf(column, row), paint);
}

function line<Row>(
  columns: readonly Laid<Row>[],
  cellOfColumn: (column: Laid<Row>) => Cell,
  paint: Paint,
): string {
  const cells = columns.map((column, index) => {
    const cell = cellOfColumn(column);
    const text = shortened(cell.text, column.width);
    const isLast = index === columns.length - 1;
    const padding = isLast ? '' : ' '.repeat(column.width - widthOf(text));
    return (cell.colour === undefined ? text : paint(cell.colour, text)) + padding;
  });
  return cells.join(GAP).trimEnd();
}

function cellOf<Row>(column: Column<Row>, row: Row): Cell {
  const cell = column.cell(row);
  return typeof cell === 'string'
    ? { text: printable(cell) }
    : { text: printable(cell.text), colour: cell.colour };
}

function fitted<Row>(all: readonly Laid<Row>[], width: number): readonly Laid<Row>[] {
  let shown = all;
  const excess = (): number =>
    shown.reduce((sum, column) => sum + column.width, GAP.length * (shown.length - 1)) - width;
  shrink(shown, excess, COMFORTABLE);
  while (excess() > 0) {
    const most = Math.max(...shown.map(({ expendable = 0 }) => expendable));
    if (most === 0) break;
    shown = shown.filter(({ expendable }) => expendable !== most);
  }
  for (const column of shown) column.width = column.natural;
  shrink(shown, excess, NARROWEST);
  return shown;
}

/** Takes a column of the widest name at a time. */
function shrink<Row>(columns: readonly Laid<Row>[], excess: () => number, least: number): void {
  const names = columns.filter((column) => column.shrinks);
  while (excess() > 0) {
    const widest = names.reduce<Laid<Row> | undefined>(
      (most, column) => (most && most.width >= column.width ? most : column),
      undefined,
    );
    if (!widest || widest.width <= least) return;
    widest.width -= 1;
  }
}
