import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, pinnedVersion } from '../cluster/binaries.ts';
import { buildOnce } from '../cluster/goBuild.ts';
import { runCommand } from '../cluster/node/command.ts';
import { findProgram } from '../cluster/node/packages.ts';

const kindModule = join(import.meta.dirname, 'kind');

export interface KindCluster {
  readonly kubeconfig: string;
  /** @param archive - as `docker save` writes it */
  importImage(archive: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a cluster whose nodes are containers of Docker. */
export async function startKind(directory: string): Promise<KindCluster> {
  const kind = await findKind();
  const name = `leasehold-${randomUUID().slice(0, 8)}`;
  const kubeconfig = join(directory, 'kubeconfig');
  const run = (...words: readonly string[]): Promise<string> =>
    runCommand(kind, ...words, '--name', name);
  const config = join(kindModule, 'cluster.yaml');
  await run('create', 'cluster', '--config', config, '--wait', '120s', '--kubeconfig', kubeconfig);
  return {
    kubeconfig,
    async importImage(archive) {
      await run('load', 'image-archive', archive);
    },
    async stop() {
      await run('delete', 'cluster', '--kubeconfig', kubeconfig);
      await rm(kubeconfig, { force: true });
    },
  };
}

async function findKind(): Promise<string> {
  const installed = await findProgram('kind');
  if (installed !== undefined) return installed;
  const version = await pinnedVersion(kindModule, 'sigs.k8s.io/kind');
  return buildOnce({
    module: kindModule,
    package: 'sigs.k8s.io/kind',
    output: join(cacheRoot(), `kind-${version}`),
    announcement: 'building kind once, half a minute',
  });
}
