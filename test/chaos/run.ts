import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { runChaos } from './chaos.ts';
import { renderFigures, renderPage } from './report.ts';

const usage = `Usage: npm run chaos -- [--minutes <n>] [--seed <n>] [--workers <n>] [--report <file>]

Checks mutual exclusion, fencing and recovery on two real API servers under faults, and exits with 1 on a
violation.

  --minutes <n>    how long; 2 unless told
  --seed <n>       which faults; a random one unless told, printed to be repeated
  --workers <n>    how many processes; 6 unless told
  --report <file>  write a page about it there, in Markdown
  --only <a,b>     only faults whose kind begins so, such as kill,link; 'none' for no faults
  --keep <dir>     keep the histories there
  --gap            print what happened around the longest time that a lock was granted to nobody
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string' },
    workers: { type: 'string', default: '6' },
    report: { type: 'string' },
    only: { type: 'string' },
    keep: { type: 'string' },
    gap: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  process.stdout.write(usage);
} else {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
  const minutes = Number(values.minutes);
  const version = commit();
  process.stdout.write(`commit        ${version}\nseed          ${String(seed)}\n`);
  if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true });
  const result = await runChaos({
    milliseconds: minutes * 60_000,
    seed,
    workers: Number(values.workers),
    only: values.only?.split(','),
    keep: values.keep,
  });
  const { figures, violations, stories, longestGap } = result;
  process.stdout.write(`${renderFigures(figures)}\n`);
  if (values.gap) process.stdout.write(`${longestGap.join('\n')}\n`);
  const rules = [...Map.groupBy(violations, ({ rule }) => rule)].map(
    ([rule, { length }]) => ` ${rule} ${String(length)}`,
  );
  process.stdout.write(`violations    ${String(violations.length)}${rules.join()}\n`);
  for (const story of stories) process.stdout.write(`\n${story}\n`);
  if (values.report !== undefined) {
    const page = renderPage(result, { minutes, seed, commit: version });
    const style = await resolveConfig(import.meta.filename);
    writeFileSync(values.report, await format(page, { ...style, parser: 'markdown' }));
  }
  process.exitCode = violations.length === 0 ? 0 : 1;
}

function commit(): string {
  try {
    const options = { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' } as const;
    return execFileSync('git', ['describe', '--always', '--dirty'], options).trim();
  } catch {
    return 'unknown';
  }
}
