import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { preloadArguments, stripped } from './plain.ts';

const root = join(import.meta.dirname, '..');
const build = join(root, 'dist', 'index.js');
const program = join(root, 'dist', 'cli', 'main.js');

/** A process that holds a lock under `leasehold run`. */
export interface Holder {
  readonly supervisor: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<unknown>;
}

/** Of the built program (`npm run build`), as in production. */
export async function holdSupervised(
  environment: Record<string, string>,
  lock: string,
): Promise<Holder> {
  if (!existsSync(program)) throw new Error('there is no dist: npm run build');
  const command = ['node', ...preloadArguments(), ...stripped('supervisor-holder.ts')];
  const words = [...preloadArguments(), program, 'run', '--', ...command];
  const supervisor = spawn('node', words, {
    cwd: root,
    env: { ...environment, LEASEHOLD_BUILD: build, LEASEHOLD_BENCH_LOCK: lock },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(supervisor, 'exit');
  let output = '';
  for await (const text of supervisor.stdout.iterator({ destroyOnReturn: false })) {
    output += String(text);
    const pid = /holding (\d+)/.exec(output)?.[1];
    if (pid !== undefined) return { supervisor, pid: Number(pid), ended };
  }
  throw new Error('the holder has ended');
}
