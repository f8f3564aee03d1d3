/** One figure that a bench promises, beside its limit. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** What was measured, for people. */
  readonly meaning: string;
}

/** A table for people, then the figures alone as one line of JSON. */
export function print(figures: readonly Figure[]): void {
  const rows = figures.map((figure) => [
    figure.name,
    String(round(figure.value)),
    limitOf(figure),
    verdictOf(figure),
    figure.meaning,
  ]);
  const table = [['figure', 'value', 'limit', '', 'meaning'], ...rows];
  const widths = table.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(widest[column] ?? 0, cell.length)),
    [],
  );
  for (const row of table) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    console.log(cells.join('  ').trimEnd());
  }
  const entries = figures.map(({ name, value }) => [name, round(value)] as const);
  console.log(JSON.stringify(Object.fromEntries(entries)));
}

function limitOf({ atMost, atLeast }: Figure): string {
  if (atMost !== undefined) return `<= ${String(round(atMost))}`;
  return atLeast === undefined ? '' : `>= ${String(round(atLeast))}`;
}

function verdictOf({ value, atMost, atLeast }: Figure): string {
  if (atMost === undefined && atLeast === undefined) return '';
  return value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity) ? 'ok' : 'MISSED';
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
