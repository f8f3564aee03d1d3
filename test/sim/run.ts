import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { campaign } from './campaign.ts';
import { render, renderFailure } from './report.ts';

const usage = `Usage: npm run sim -- [--seed <n>] [--seeds <n>]

Runs the shipped code in virtual time while everything fails, and exits with 1 if something does not hold that must, and with 2
on any other error.

  --seed <n>        the first seed; 1 unless told. Alone, replays exactly that one
  --seeds <n>       how many
  --operations <n>  until so many lock operations are done
  --minutes <n>     for so many minutes
  --scenario <name> only that one; each seed has its own unless told
  --workers <n>     over so many threads; 1 unless told
  --lines <n>       how many lines of the timeline to print; 200 for one seed, 40 for several unless told
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    operations: { type: 'string' },
    minutes: { type: 'string' },
    scenario: { type: 'string' },
    workers: { type: 'string', default: '1' },
    lines: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  process.stdout.write(usage);
} else {
  const unbounded = values.operations !== undefined || values.minutes !== undefined;
  const { tally, failure, seconds } = await campaign({
    first: Number(values.seed ?? '1'),
    seeds: Number(values.seeds ?? (unbounded ? 'Infinity' : '1')),
    operations: Number(values.operations ?? 'Infinity'),
    minutes: Number(values.minutes ?? 'Infinity'),
    scenario: values.scenario,
    workers: Number(values.workers),
  });
  process.stdout.write(`${'commit'.padEnd(32)} ${commit()}\n${render(tally, seconds)}\n`);
  if (failure) {
    process.stdout.write(
      `\n${renderFailure(failure, Number(values.lines ?? (values.seeds ? '40' : '200')))}\n`,
    );
    process.exitCode = failure.invariant === undefined ? 2 : 1;
  }
}

function commit(): string {
  try {
    const options = { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' } as const;
    return execFileSync('git', ['describe', '--always', '--dirty'], options).trim();
  } catch {
    return 'unknown';
  }
}
