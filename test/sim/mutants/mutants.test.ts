import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMutants } from './mutant.ts';

const README = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');

/** Whether each is found out is told by `npm run mutants`, in minutes. */
describe('the mutants', () => {
  const mutants = readMutants();

  it('apply to the code as it is', () => {
    for (const { path } of mutants) {
      // Each by itself, as several change the same line. Throws with what git says.
      execFileSync('git', ['apply', '--check', path], { stdio: 'pipe' });
    }
  });

  it('drop rules that stand on the page', () => {
    const page = words(PAGE);
    for (const { says } of mutants) {
      for (const part of says.split(' / ')) expect(page).toContain(words(part));
    }
  });

  it('stand in the README, and no others', () => {
    const rows = README.split('\n').filter((line) => line.startsWith('| '));
    const named = rows.flatMap((row) => /\| `([a-z0-9-]+)` +\|/.exec(row)?.[1] ?? []);
    expect(named.sort()).toEqual(mutants.map(({ name }) => name).sort());
  });
});

/** Without the marks of Markdown, and without the end of a sentence. */
function words(text: string): string {
  const plain = text
    .replaceAll(/[`*_|]/g, '')
    .replaceAll(/\s+/g, ' ')
    .toLowerCase();
  return plain.trim().replace(/[.;,]+$/, '');
}
