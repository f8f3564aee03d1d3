import type { SoakResult } from './soak.ts';
import type { Figure, Sample } from './sample.ts';

const MIB = 1024 * 1024;
const ROWS = 12;

const MEANING: Record<Figure, string> = {
  heap: 'heap after garbage collection, MiB',
  external: 'buffers, MiB',
  rss: 'resident memory, MiB',
  descriptors: 'open file descriptors',
  handles: 'what keeps the process alive',
  timers: 'timers',
  listeners: 'listeners on process and shared signal',
};

const HEAD =
  'minute  operations   rate   heap  buffers    rss  descriptors  handles  timers  listeners';

/** One line per sample, as they come. */
export function head(): string {
  return HEAD;
}

export function line(sample: Sample): string {
  return cellsOf(sample)
    .map((cell, column) => cell.padStart(WIDTHS[column] ?? 0))
    .join('  ');
}

const WIDTHS = HEAD.split(/ {2,}/).map((title) => Math.max(5, title.length));

function cellsOf(sample: Sample): string[] {
  return [
    (sample.at / 60_000).toFixed(1),
    String(sample.operations),
    sample.rate.toFixed(0),
    (sample.heap / MIB).toFixed(2),
    (sample.external / MIB).toFixed(2),
    (sample.rss / MIB).toFixed(1),
    String(sample.descriptors),
    String(sample.handles),
    String(sample.timers),
    String(sample.listeners),
  ];
}

/** The whole, as Markdown. */
export function report(result: SoakResult): string {
  const { samples, verdicts, load, lapsed, end, faults, complaints, milliseconds } = result;
  const step = Math.max(1, Math.ceil(samples.length / ROWS));
  const shown = samples.filter((_, index) => index % step === 0 || index === samples.length - 1);
  const minutes = String(Math.round(milliseconds / 6_000) / 10);
  const verdict =
    complaints.length === 0
      ? 'Everything was flat, Node gave no warning, and nothing was left.'
      : `**Not as it should be: ${complaints.join('; ')}.**`;
  return [
    '# A client over time',
    '',
    `\`npm run soak -- --minutes ${minutes}\`: one client process does all that a client can do, at the same rate`,
    'throughout, on the embedded API server, beside another client that it shares the locks and the election with. New',
    'names of locks all the time; waits that end by a time-out, by a signal, or with the lock; 40 waits at a time;',
    'tries; candidacies; looks at the leader; clients that are made and closed while they hold, wait and stand;',
    'and locks of processes that have died. One signal of the application is given to most calls. Meanwhile the API',
    "server breaks the client's connections, falls silent, revokes its session and forgets its history.",
    '',
    'V8 only interprets it, and has a young generation of a fixed size: what it compiles, and notes to do that well,',
    'grows for tens of thousands of operations, and what it keeps for new objects with their rate. Neither is a leak.',
    'Every half minute all that comes to rest for 6 s, garbage is collected, and what the process holds is counted.',
    'At the end the client is closed: what keeps the process alive has to be what it was before, it has to exit by',
    'itself at once, and no session may be left, nor a lock of one. A client that is closed while the API server is',
    'silent cannot delete its session, and says so by its event `session-ended`: that lapses by its ttl, as one of a',
    `process that died, and until somebody wants its locks it stays. Only such are allowed, here ${String(lapsed)}.`,
    '',
    `${verdict} ${String(Object.values(end?.counts ?? {}).reduce((sum, count) => sum + count, 0))} operations in ${minutes} minutes.`,
    '',
    table(
      ['figure', 'first third', 'second', 'last', 'growth', 'allowed'],
      [
        ['operations in a second of work', ...load.thirds.map((rate) => rate.toFixed(2)), '', ''],
        ...verdicts.map(({ figure, thirds, growth, limit }) => {
          const unit = ['heap', 'external', 'rss'].includes(figure) ? MIB : 1;
          const rounded = [...thirds, growth, limit].map((value) => (value / unit).toFixed(2));
          return [MEANING[figure], ...rounded];
        }),
      ],
    ),
    '',
    'Means of thirds of the samples after the first quarter of the run; growth by the line of least squares over',
    'them. A client remembers the sessions of others that it has seen, 2,000 at most: that is part of what grows in',
    'the heap of a run that is too short to reach this, 1.1 KiB each. Resident memory follows how much is done at a',
    'time, by what V8 and the allocator then keep for the next time: it says something of leaks only where that is',
    'always the same. So the rate is fixed, and has to be even for the run to count.',
    '',
    table(['done', 'times'], rowsOf(end?.counts ?? {})),
    '',
    table(['fault', 'times'], rowsOf(faults)),
    '',
    table(['what the client told', 'times'], rowsOf(end?.events ?? {})),
    '',
    '```',
    head(),
    ...shown.map(line),
    '```',
    '',
  ].join('\n');
}

function rowsOf(counts: Readonly<Record<string, number>>): string[][] {
  return Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => [name, count.toLocaleString('en-US')]);
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [row(titles), row(widths.map((width) => '-'.repeat(width))), ...rows.map(row)].join('\n');
}
