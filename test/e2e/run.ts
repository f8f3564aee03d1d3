/**
 * `npm run e2e`: the suite on a cluster with nodes. That is the one of LEASEHOLD_E2E_KUBECONFIG, with
 * the image LEASEHOLD_E2E_IMAGE that it can pull; else kind where Docker is; else a node of this
 * machine. Says in one line what is missing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findKubectl } from '../cluster/binaries.ts';
import { ClusterUnavailableError } from '../cluster/errors.ts';
import { type Builder, findBuilder, hasDocker } from '../cluster/image/builder.ts';
import { buildProjectImage } from '../cluster/image/project.ts';
import { startNode } from '../cluster/node/node.ts';
import { findHostPrograms } from '../cluster/node/packages.ts';
import { startKind } from './kind.ts';
import { type Surroundings, surroundingsVariable } from './surroundings.ts';

const image = 'leasehold.test/leasehold:e2e';
/** As docs/operations.md has it: unpacked. */
const mostMegabytes = 200;
/** Once interrupted, this cleans up and ends. */
const interruption = new AbortController();
const interrupted = interruption.signal;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interruption.abort());
}

interface Started {
  readonly surroundings: Omit<Surroundings, 'kubectl'>;
  readonly stop: () => Promise<void>;
}

async function start(directory: string): Promise<Started> {
  const { LEASEHOLD_E2E_KUBECONFIG: kubeconfig, LEASEHOLD_E2E_IMAGE: given } = process.env;
  if (kubeconfig !== undefined) {
    // The chart asks for the repository and the tag.
    if (given === undefined || !/^[^@]+:[^:/@]+$/.test(given)) {
      throw new ClusterUnavailableError(
        'set LEASEHOLD_E2E_IMAGE to an image that the nodes can pull, as REPOSITORY:TAG',
      );
    }
    return { surroundings: { kubeconfig, image: given }, stop: () => Promise.resolve() };
  }
  const isKind = await hasDocker();
  // What is missing is said before anything takes its time.
  if (!isKind) await findHostPrograms();
  const archive = await buildImage(await findBuilder(), directory);
  return isKind ? onKind(directory, archive) : onNode(archive);
}

async function onKind(directory: string, archive: string): Promise<Started> {
  const kind = await startKind(directory);
  const stop = (): Promise<void> => kind.stop();
  await orStop(kind.importImage(archive), stop);
  return { surroundings: { kubeconfig: kind.kubeconfig, image }, stop };
}

async function onNode(archive: string): Promise<Started> {
  const node = await startNode();
  const stop = (): Promise<void> => node.stop();
  await orStop(node.importImage(archive), stop);
  const { cluster, podLogs, kubelet } = node;
  return {
    surroundings: {
      kubeconfig: cluster.kubeconfigPath,
      image,
      node: { kubelet: await kubelet.processIds(), podLogs },
    },
    stop,
  };
}

async function orStop(preparing: Promise<void>, stop: () => Promise<void>): Promise<void> {
  try {
    await preparing;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function buildImage(builder: Builder, directory: string): Promise<string> {
  const archive = join(directory, 'image.tar');
  await buildProjectImage(builder, image);
  await builder.save(image, archive);
  const megabytes = (await stat(archive)).size / 1e6;
  process.stderr.write(`the image has ${megabytes.toFixed(0)} MB\n`);
  if (megabytes >= mostMegabytes) {
    throw new Error(`the image is to have less than ${String(mostMegabytes)} MB`);
  }
  return archive;
}

/** Runs the suite; resolves with its exit code. */
async function runSuite(path: string): Promise<number> {
  const vitest = spawn('vitest', ['run', '--project', 'e2e', ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, [surroundingsVariable]: path },
  });
  interrupted.addEventListener('abort', () => vitest.kill('SIGTERM'));
  const [status] = (await once(vitest, 'close')) as [number | null];
  return status ?? 1;
}

async function main(directory: string): Promise<void> {
  const { surroundings, stop } = await start(directory);
  try {
    const kubectl = await findKubectl();
    const path = join(directory, 'surroundings.json');
    await writeFile(path, JSON.stringify({ ...surroundings, kubectl }));
    process.exitCode = interrupted.aborted ? 1 : await runSuite(path);
  } finally {
    await stop();
  }
}

const directory = await mkdtemp(join(tmpdir(), 'leasehold-e2e-'));
try {
  await main(directory);
} catch (error) {
  if (!(error instanceof ClusterUnavailableError)) throw error;
  process.stderr.write(`NO END-TO-END TESTS: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
