/**
 * `npm run mutants`: whether the simulator finds out each mutant. Exits with 1 if one survives, does
 * not apply any more, breaks something else than what its header says, or crashes instead of breaking
 * what must hold; and if the code as it is fails by the seed or the test by which a mutant was found.
 */
import { parseArgs } from 'node:util';
import { simulate } from '../simulate.ts';
import { readMutants } from './mutant.ts';
import type { Mutant } from './mutant.ts';
import { failureOf, tryOut } from './trial.ts';
import type { Verdict } from './trial.ts';

const usage = `Usage: npm run mutants -- [<name>...] [--workers <n>]

Runs the simulator on the shipped code less one safety rule, for each rule or for those named.

  --workers <n>     how many at once; 2 unless told
`;

interface Tried {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    workers: { type: 'string', default: '2' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) process.stdout.write(usage);
else await main(readMutants(positionals), Number(values.workers));

async function main(mutants: readonly Mutant[], workers: number): Promise<void> {
  const startedAt = performance.now();
  const tried: Tried[] = [];
  const queue = mutants.values();
  const work = async (): Promise<void> => {
    for (const mutant of queue) {
      const one = { mutant, verdict: await tryOut(mutant) };
      tried.push(one);
      process.stdout.write(`${line(one)}\n`);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  const bad = tried.filter(({ verdict }) => verdict.kind !== 'killed');
  for (const { mutant, verdict } of bad) {
    if (verdict.kind === 'failed') process.stdout.write(`\n${mutant.name} ${verdict.why}\n`);
  }
  const alarms = await falseAlarms(tried);
  for (const alarm of alarms) process.stdout.write(`\n${alarm}\n`);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  const killed = tried.length - bad.length;
  process.stdout.write(`\n${String(killed)} of ${String(tried.length)} killed, ${seconds} s\n`);
  process.exitCode = bad.length + alarms.length === 0 ? 0 : 1;
}

function line({ mutant, verdict }: Tried): string {
  const { name, rule, evidence } = mutant;
  const where = evidence.kind === 'test' ? evidence.file : evidence.scenario;
  const at =
    verdict.kind === 'killed' && verdict.seed !== undefined ? ` seed ${String(verdict.seed)}` : '';
  const what = verdict.kind === 'killed' ? verdict.by : verdict.kind.toUpperCase();
  const columns = [
    name.padEnd(40),
    what.padEnd(34),
    `${where}${at}`.padEnd(24),
    `${verdict.seconds.toFixed(1)} s`.padStart(7),
  ];
  return `${columns.join(' ')}  ${rule}`;
}

/** The code as it is must pass what its mutants fail: else that has nothing to do with the mutants. */
async function falseAlarms(tried: readonly Tried[]): Promise<string[]> {
  const alarms: string[] = [];
  const looked = new Set<string>();
  for (const { mutant, verdict } of tried) {
    const { evidence } = mutant;
    if (verdict.kind !== 'killed') continue;
    const what =
      evidence.kind === 'test'
        ? evidence.file
        : `scenario ${evidence.scenario} ${String(verdict.seed)}`;
    if (looked.has(what)) continue;
    looked.add(what);
    const failure =
      evidence.kind === 'test'
        ? await failureOf(evidence.file)
        : (await simulate(verdict.seed ?? evidence.first, evidence.scenario)).failure?.message;
    if (failure !== undefined) alarms.push(`${what} fails without any mutant: ${failure}`);
  }
  return alarms;
}
