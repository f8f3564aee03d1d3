import { globSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { childrenOf, eventually, isAlive } from '../cli/program.ts';
import type { Program } from '../cli/program.ts';
import { isEmbedded } from '../cluster/shared.ts';
import { start } from './playing.ts';

/** One that waits for its end. */
async function started(example: string): Promise<{ program: Program; directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-examples-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const program = await start(example, directory);
  onTestFinished(() => void program.child.kill('SIGKILL'));
  return { program, directory };
}

test('says which examples there are', async () => {
  const pages = globSync('*/README.md', { cwd: join(import.meta.dirname, '../../examples') });
  const names = pages.map((page) => dirname(page)).toSorted();
  expect(names).toContain('coupons');
  for (const name of ['nothing', '../coupons', '']) {
    const { program } = await started(name);
    const { code, output, errors } = await program.finished;
    expect({ code, output }).toEqual({ code: 64, output: '' });
    expect(errors).toBe(`npm run example -- NAME, which is one of: ${names.join(', ')}\n`);
  }
});

test.runIf(isEmbedded).each(['SIGINT', 'SIGKILL'] as const)(
  'leaves nothing behind after %s',
  async (signal) => {
    const { program, directory } = await started('leader-service');
    await program.printed(/^ {2}ticket /m);
    const pids = childrenOf(program.pid);
    expect(pids.length).toBeGreaterThanOrEqual(4);
    program.child.kill(signal);
    const { code } = await program.finished;
    expect(code).toBe(signal === 'SIGINT' ? 130 : null);
    await eventually('all processes to be gone', () => !pids.some(isAlive));
    await eventually('all files to be gone', async () => (await readdir(directory)).length === 0);
  },
);
