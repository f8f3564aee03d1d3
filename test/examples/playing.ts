import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { Program } from '../cli/program.ts';
import { isEmbedded, sharedCluster } from '../cluster/shared.ts';

const RUN = fileURLToPath(new URL('../../examples/run.ts', import.meta.url));

/** Whether something that an example shows is installed; its absence is an error under CI. */
export function isInstalled(what: 'postgresql' | 'redis-server'): boolean {
  const directories = (process.env.PATH ?? '').split(delimiter);
  const isThere =
    what === 'postgresql'
      ? existsSync('/usr/lib/postgresql')
      : directories.some((directory) => existsSync(join(directory, what)));
  if (isThere) return true;
  if (process.env.CI) throw new Error(`an example needs ${what}: apt-get install ${what}`);
  process.stderr.write(`AN EXAMPLE IS NOT TESTED: it needs ${what} (apt-get install ${what})\n`);
  return false;
}

/** Plays an example to its end, and returns what it has printed; it leaves nothing behind. */
export async function played(example: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-examples-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  // PostgreSQL runs as a user of its own, and has its files in there.
  await chmod(directory, 0o755);
  const program = await start(example, directory);
  onTestFinished(() => void program.child.kill('SIGKILL'));
  const { code, output, errors } = await program.finished;
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  expect(await readdir(directory)).toEqual(isEmbedded ? [] : ['kubeconfig']);
  return output;
}

/**
 * Starts an example: as the README has it where the tests run on the embedded API server, which is on one of
 * its own, and else on the cluster of the tests, in a namespace of its own.
 *
 * @param directory - where it has its files
 */
export async function start(example: string, directory: string): Promise<Program> {
  const kubeconfig = isEmbedded ? '' : await kubeconfigFile(directory);
  const environment = { TMPDIR: directory, KUBECONFIG: kubeconfig };
  return Program.spawn(process.execPath, [RUN, example], environment);
}

async function kubeconfigFile(directory: string): Promise<string> {
  const cluster = await sharedCluster();
  const namespace = await cluster.createNamespace();
  onTestFinished(async () => {
    await cluster.deleteNamespace(namespace);
    cluster.close();
  });
  const config = JSON.parse(cluster.kubeconfig()) as {
    contexts: { context: { namespace?: string } }[];
  };
  for (const { context } of config.contexts) context.namespace = namespace;
  const file = join(directory, 'kubeconfig');
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
