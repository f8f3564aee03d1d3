import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterAccess } from '../cluster/access.ts';
import { findKubectl } from '../cluster/binaries.ts';
import { isEmbedded, sharedCluster } from '../cluster/shared.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACE = 'leasehold-examples';
const names = globSync('examples/*/play.ts', { cwd: ROOT }).map((path) => join(path, '..'));

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string };
  readonly spec?: {
    readonly template?: {
      readonly spec: {
        readonly containers: readonly { readonly image: string; readonly args?: string[] }[];
      };
    };
  };
}

// They say what kinds there are that the embedded API server has none of.
describe.skipIf(isEmbedded)('the manifests of', () => {
  let cluster: ClusterAccess;
  let kubectl: (...words: readonly string[]) => Promise<string>;

  beforeAll(async () => {
    cluster = await sharedCluster();
    const program = await findKubectl();
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfigPath };
    kubectl = async (...words) =>
      (await promisify(execFile)(program, words, { cwd: ROOT, env })).stdout;
  });

  afterAll(async () => {
    await cluster.deleteNamespace(NAMESPACE);
    cluster.close();
  });

  test.each(names)('%s are taken by an API server', async (directory) => {
    // Unknown fields are refused.
    const output = await kubectl('apply', '-k', directory);
    expect(output).toMatch(/^serviceaccount\/leasehold-example /m);
    const manifests = loadAll(await kubectl('kustomize', directory)) as Manifest[];
    for (const { kind, metadata } of manifests) {
      expect(metadata.namespace).toBe(kind === 'Namespace' ? undefined : NAMESPACE);
    }
    const containers = manifests.flatMap(({ spec }) => spec?.template?.spec.containers ?? []);
    const [ours, ...others] = containers.filter(({ image }) => image.includes('leasehold'));
    expect(others).toEqual([]);
    expect(ours).toMatchObject({
      image: 'registry.example.com/leasehold-examples',
      args: ['run', '--', 'node', join(directory, 'main.ts')],
    });
    expect(existsSync(join(ROOT, directory, 'main.ts'))).toBe(true);
  });
});
