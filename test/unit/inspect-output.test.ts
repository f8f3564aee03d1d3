import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tableLines } from '../../src/cli/output/table.ts';
import type { Column } from '../../src/cli/output/table.ts';
import { durationText, printable, shortened, widthOf } from '../../src/cli/output/text.ts';

const plain = (_: string, text: string): string => text;

describe('a text of others', () => {
  it('cannot steer a terminal', () => {
    expect(printable('a\u001b[31mb\n\u202ec')).toBe(String.raw`a\u{1b}[31mb\u{a}\u{202e}c`);
    expect(printable('日本 é 👍')).toBe('日本 é 👍');
  });

  it('loses its middle where it is narrow', () => {
    expect(shortened('billing-x2kq4-1f9a3c21', 15)).toBe('billin…1f9a3c21');
    expect(shortened('日本語のロック', 9)).toBe('日本…ック');
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 1, max: 40 }),
        (text, width) => {
          const short = shortened(printable(text), width);
          expect(widthOf(short)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe('a duration', () => {
  it.each([
    [0, '0s'],
    [119.9, '119s'],
    [120, '2m'],
    [312, '5m12s'],
    [3_599, '59m'],
    [3 * 3_600 + 120, '3h2m'],
    [47 * 3_600, '47h'],
    [3 * 86_400 + 4 * 3_600, '3d4h'],
    [400 * 86_400, '400d'],
    [-5, '-5s'],
  ])('of %d s is %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });
});

describe('a table', () => {
  interface Row {
    readonly name: string;
    readonly holder: string;
    readonly extra: string;
  }
  const columns: readonly Column<Row>[] = [
    { title: 'NAME', cell: ({ name }) => name, shrinks: true },
    { title: 'HOLDER', cell: ({ holder }) => holder, shrinks: true },
    { title: 'STATE', cell: () => ({ text: 'held', colour: 'red' }) },
    { title: 'EXTRA', cell: ({ extra }) => extra, expendable: 1 },
  ];
  const rows: readonly Row[] = [
    { name: 'tenant-account-invoices', holder: 'billing-7c9d8f6b5-x2kq4-1f9a3c21', extra: '1' },
    { name: '日本', holder: 'b', extra: '2' },
  ];

  it('shows everything where there is room', () => {
    expect([...tableLines(columns, rows, undefined, plain)]).toEqual([
      'NAME                     HOLDER                            STATE  EXTRA',
      'tenant-account-invoices  billing-7c9d8f6b5-x2kq4-1f9a3c21  held   1',
      '日本                     b                                 held   2',
    ]);
  });

  it('shortens the longest names first, then leaves out columns, then shortens on', () => {
    expect([...tableLines(columns, rows, 60, plain)]).toEqual([
      'NAME                    HOLDER                  STATE  EXTRA',
      'tenant-ac…unt-invoices  billing-7…kq4-1f9a3c21  held   1',
      '日本                    b                       held   2',
    ]);
    const [titles, first = ''] = [...tableLines(columns, rows, 40, plain)];
    expect(titles).not.toContain('EXTRA');
    expect(first).toMatch(/^tenant.*….*ices +bill.*….*3c21 +held$/);
  });

  it('is never wider than the terminal, as long as that is not tiny', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: fc.string(), holder: fc.string(), extra: fc.string() })),
        fc.integer({ min: 30, max: 120 }),
        (some, width) => {
          for (const line of tableLines(columns, some, width, plain)) {
            expect(widthOf(line)).toBeLessThanOrEqual(width);
          }
        },
      ),
    );
  });

  it('colours cells without counting the colours', () => {
    const marked = (colour: string, text: string): string => `<${colour}>${text}</>`;
    expect([...tableLines(columns.slice(2), rows.slice(0, 1), 40, marked)]).toEqual([
      '<dim>STATE</>  <dim>EXTRA</>',
      '<red>held</>   1',
    ]);
  });
});
