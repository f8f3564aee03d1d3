import { readFileSync } from 'node:fs';

export function readPage(page: string): string {
  return readFileSync(page, 'utf8');
}

/** The rows of the tables that have this heading in their first column. */
export function rows(page: string, heading: string): string[][] {
  const tables = readPage(page).match(new RegExp(`^\\| ${heading} +\\|(?:.*\\n\\|)*.*`, 'gm'));
  if (!tables) throw new Error(`${page} has no table of ${heading}`);
  return tables.flatMap((table) =>
    table
      .split('\n')
      .slice(2)
      .map((line) => line.split('|').map((cell) => cell.trim())),
  );
}

/** The names that the first column of a table has: of the first table from this text on. */
export function fieldsFrom(page: string, text: string): string[] {
  const whole = readPage(page);
  const start = whole.indexOf(text);
  if (start < 0) throw new Error(`${page} does not say ${text}`);
  const [table = ''] = /^\|(?:.*\n\|)*.*/m.exec(whole.slice(start)) ?? [];
  return table
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [, first = ''] = line.split('|');
      return [...first.matchAll(/`([A-Za-z]+)`/g)].map(([, name = '']) => name);
    });
}
