import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadAll } from 'js-yaml';
import { cacheRoot, pinnedVersion } from '../cluster/binaries.ts';
import { buildOnce } from '../cluster/goBuild.ts';
import type { Manifest } from './manifests.ts';

/** Of the project; paths of charts are relative to it. */
export const root = join(import.meta.dirname, '../..');
const helmModule = join(import.meta.dirname, 'helm');

export const chart = 'charts/leasehold';

/** Finds Helm in the cache, else builds it with Go. */
export async function findHelm(): Promise<string> {
  const version = await pinnedVersion(helmModule, 'helm.sh/helm/v4');
  return buildOnce({
    module: helmModule,
    package: 'helm.sh/helm/v4/cmd/helm',
    output: join(cacheRoot(), `helm-${version}`),
    linkerFlags: `-X helm.sh/helm/v4/internal/version.version=v${version}`,
    announcement: 'building Helm once, about 2 minutes',
  });
}

/**
 * Runs Helm in the project's directory and resolves with what it prints.
 *
 * @throws Error with what it says on stderr, when it fails
 */
export async function runHelm(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  // Nothing of the user's own Helm or cluster.
  const { KUBECONFIG: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(await findHelm(), words, {
    cwd: root,
    env: { ...env, HELM_NAMESPACE: 'default', ...environment },
    maxBuffer: 1 << 24,
  });
  return stdout;
}

/** What the chart renders as release `leasehold` in namespace `leasehold`, with these options of Helm. */
export async function render(...options: readonly string[]): Promise<Manifest[]> {
  const text = await runHelm(['template', 'leasehold', chart, '-n', 'leasehold', ...options]);
  return loadAll(text).filter((object) => object !== null && object !== undefined) as Manifest[];
}
