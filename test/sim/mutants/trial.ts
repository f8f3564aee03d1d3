import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Evidence, Mutant } from './mutant.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const COPIED = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
/** Of one mutant, on a slow machine: more would not be a bounded number of seeds. */
const LONGEST_MS = 600_000;
/** By what a directed test tells that something does not hold: all else is a crash. */
const FOUND =
  /^(AssertionError|NotInTime|Violation|Error: (it was not rejected|there is no such Lease))/;

export type Verdict =
  | {
      readonly kind: 'killed';
      /** What the mutant was found to break. */
      readonly by: string;
      /** Undefined where it was a directed test. */
      readonly seed: number | undefined;
      readonly seconds: number;
    }
  | { readonly kind: 'survived'; readonly seconds: number }
  /** It does not apply, crashes, breaks something else, or takes too long. */
  | { readonly kind: 'failed'; readonly why: string; readonly seconds: number };

/** Applies a mutant to a copy of the code, and looks whether it is found out. */
export async function tryOut({ path, evidence }: Mutant): Promise<Verdict> {
  const startedAt = performance.now();
  const verdict = await inCopy(async (directory): Promise<Finding> => {
    const why = apply(path, directory);
    if (why !== undefined) return { kind: 'failed', why };
    if (evidence.kind === 'test') return test(directory, evidence.file);
    return simulate(directory, evidence);
  });
  return { ...verdict, seconds: (performance.now() - startedAt) / 1_000 };
}

/** Why a directed test fails on the code as it is, in a copy as mutants are; undefined if it passes. */
export async function failureOf(file: string): Promise<string | undefined> {
  const found = await inCopy((directory) => test(directory, file));
  if (found.kind === 'survived') return undefined;
  return found.kind === 'killed' ? found.by : found.why;
}

async function inCopy<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'leasehold-mutant-'));
  try {
    for (const name of COPIED) cpSync(join(ROOT, name), join(directory, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

type Finding =
  | { kind: 'killed'; by: string; seed: number | undefined }
  | { kind: 'survived' }
  | { kind: 'failed'; why: string };

/** Why it does not apply; undefined when it was. */
function apply(patch: string, directory: string): string | undefined {
  try {
    execFileSync('git', ['apply', patch], { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `does not apply any more: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** From seed to seed, until it breaks what its rule is about, where its header says what that is. */
async function simulate(
  directory: string,
  { scenario, first, count, breaks }: Extract<Evidence, { kind: 'simulation' }>,
): Promise<Finding> {
  const other = new Set<string>();
  for (let next = first; next < first + count;) {
    const seeds = first + count - next;
    const { status, output } = await run(directory, [
      'test/sim/run.ts',
      ...['--scenario', scenario, '--seed', String(next), '--seeds', String(seeds)],
      ...['--lines', '1'],
    ]);
    if (status === 0) break;
    const [, by] = /^INVARIANT ([^:]+)/m.exec(output) ?? [];
    const [, seed] = /^seed +(\d+)$/m.exec(output) ?? [];
    if (by === undefined) return { kind: 'failed', why: tail(status, output) };
    if (breaks?.includes(by) ?? true) return { kind: 'killed', by, seed: Number(seed) };
    other.add(by);
    next = Number(seed) + 1;
  }
  if (other.size === 0 || !breaks) return { kind: 'survived' };
  const [found, wanted] = [[...other].join(' and '), breaks.join(' or ')];
  return { kind: 'failed', why: `breaks ${found}, and has to break ${wanted}` };
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

async function test(directory: string, file: string): Promise<Finding> {
  const reportFile = join(directory, 'report.json');
  const { status, output } = await run(directory, [
    'node_modules/vitest/vitest.mjs',
    ...['run', '--project', 'unit', '--reporter=json', `--outputFile.json=${reportFile}`, file],
  ]);
  if (status === 0) return { kind: 'survived' };
  if (status === null) return { kind: 'failed', why: tail(status, output) };
  const { testResults } = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find((one) => one.failureMessages?.some((message) => FOUND.test(message)));
  if (!failed) return { kind: 'failed', why: tail(status, output) };
  return { kind: 'killed', by: failed.title, seed: undefined };
}

function run(
  directory: string,
  args: readonly string[],
): Promise<{ status: number | null; output: string }> {
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const take = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('close', (status) => settle({ status, output }));
  });
}

function tail(status: number | null, output: string): string {
  if (status === null) return `was not found out within ${String(LONGEST_MS / 1_000)} s`;
  return `crashes, which proves nothing:\n${output.split('\n').slice(-25).join('\n')}`;
}
