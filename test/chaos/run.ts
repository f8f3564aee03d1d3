import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';
import { renderFigures, renderViolation, timeline } from './report.ts';

const usage = `Usage: npm run chaos -- [--minutes <n>] [--seed <n>] [--workers <n>]

Checks mutual exclusion on a real API server under faults, and exits with 1 on a violation.

  --minutes <n>   how long; 2 unless told
  --seed <n>      which faults; a random one unless told, printed to be repeated
  --workers <n>   how many processes; 6 unless told
  --only <a,b>    only faults whose kind begins so, such as kill,link; 'none' for no faults
  --keep <dir>    keep the histories there
  --gap           print what happened around the longest gap
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string' },
    workers: { type: 'string', default: '6' },
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
  process.stdout.write(`seed          ${String(seed)}\n`);
  if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true });
  const { evidence, figures, violations } = await runChaos({
    milliseconds: Number(values.minutes) * 60_000,
    seed,
    workers: Number(values.workers),
    only: values.only?.split(','),
    keep: values.keep,
  });
  process.stdout.write(`${renderFigures(figures)}\n`);
  if (values.gap) {
    const { lock, at } = figures.longestGap;
    process.stdout.write(`${timeline(evidence, lock, at).join('\n')}\n`);
  }
  process.stdout.write(`violations    ${String(violations.length)}\n`);
  for (const violation of violations.slice(0, 10)) {
    process.stdout.write(`\n${renderViolation(violation, evidence)}\n`);
  }
  process.exitCode = violations.length === 0 ? 0 : 1;
}
