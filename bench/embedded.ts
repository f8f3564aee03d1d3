import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { stripped } from './plain.ts';
import type { Figure } from './report.ts';
import { median } from './statistics.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const build = pathToFileURL(join(root, 'dist/testing/index.js')).href;
const processes = 9;
const starts = 20;

/** What `ApiServer.start` of the built package costs a test. Needs no API server. */
export async function measure(): Promise<Figure[]> {
  await run('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, shell: true });
  const all: Started[] = [];
  for (let count = 0; count < processes; count += 1) all.push(await inNewProcess());
  const first = all.map(({ startsMs }) => startsMs[0] ?? Number.NaN);
  const later = all.flatMap(({ startsMs }) => startsMs.slice(1));
  return [
    {
      name: 'firstStartMs',
      value: median(first),
      atMost: 50,
      meaning: `ApiServer.start to the first answer, the first of a process; median of ${String(processes)} processes`,
    },
    {
      name: 'laterStartMs',
      value: median(later),
      meaning: `the same, each of the ${String(starts - 1)} that follow`,
    },
    {
      name: 'importMs',
      value: median(all.map(({ importMs }) => importMs)),
      meaning: "import 'leasehold/testing', once before",
    },
  ];
}

interface Started {
  readonly importMs: number;
  readonly startsMs: readonly number[];
}

async function inNewProcess(): Promise<Started> {
  const { stdout } = await run('node', stripped('embedded-starts.ts'), {
    cwd: root,
    env: { ...process.env, LEASEHOLD_BUILD: build, STARTS: String(starts) },
  });
  return JSON.parse(stdout) as Started;
}
