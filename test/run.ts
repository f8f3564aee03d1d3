/**
 * `npm test`: the whole suite, on a real kube-apiserver and etcd when they can be had. Says so
 * loudly when they cannot, and fails then under CI. Its last line is the plain count.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries } from './cluster/binaries.ts';
import { ClusterUnavailableError } from './cluster/errors.ts';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
}

const required = Boolean(process.env.CI);
const unavailable = await whyUnavailable();
if (unavailable !== undefined) {
  const line = '='.repeat(98);
  process.stderr.write(
    `${line}\nNOT TESTED AGAINST A REAL API SERVER: ${unavailable}\nOnly the tests that need none are run, and those on the embedded one.\n${line}\n`,
  );
  if (required) process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), 'leasehold-test-'));
const output = join(directory, 'report.json');
const projects = ['unit', 'embedded', ...(unavailable === undefined ? ['cluster'] : [])];
const { status } = spawnSync(
  'vitest',
  [
    'run',
    ...projects.flatMap((project) => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${output}`,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', shell: process.platform === 'win32' },
);
const report = JSON.parse(readFileSync(output, 'utf8')) as Report;
rmSync(directory, { recursive: true });
const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = report;
const skipped = numPendingTests > 0 ? `, ${String(numPendingTests)} skipped` : '';
console.log(`${String(numPassedTests)} passed, ${String(numFailedTests)} failed${skipped}`);
process.exitCode = status ?? 1;
if (numPassedTests === 0 || numFailedTestSuites > 0) process.exitCode = 1;

async function whyUnavailable(): Promise<string | undefined> {
  try {
    await findBinaries();
    return undefined;
  } catch (error) {
    if (error instanceof ClusterUnavailableError) return error.message;
    throw error;
  }
}
