import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { head, line, report } from './report.ts';
import { soak } from './soak.ts';

const LONGEST_END_MS = 10_000;

const usage = `Usage: npm run soak -- [--minutes <n>] [--report <file>]

One client does all that a client can do, on an embedded API server that breaks its connections, falls
silent and revokes its session. Exits with 1 if memory, descriptors, handles, timers or listeners grow,
if Node warns, or if anything is left after close().

  --minutes <n>    how long; 30 unless told
  --report <file>  write what was found there, as Markdown
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    report: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  process.stdout.write(usage);
} else {
  process.stdout.write(`${head()}\n`);
  const result = await soak(Number(values.minutes) * 60_000, (sample) =>
    process.stdout.write(`${line(sample)}\n`),
  );
  const text = report(result);
  process.stdout.write(`\n${text}`);
  if (values.report !== undefined) writeFileSync(values.report, text);
  for (const complaint of result.complaints) process.stderr.write(`soak: ${complaint}\n`);
  process.exitCode = result.complaints.length === 0 ? 0 : 1;
  // The run ends by itself as well, or says what has kept it.
  setTimeout(() => {
    process.stderr.write(`soak: does not end: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(1);
  }, LONGEST_END_MS).unref();
}
