import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { GENERATED_DIRECTORIES, generatedFiles } from '../../scripts/chart/generated.ts';
import { findKubectl } from '../cluster/binaries.ts';
import { useTools } from './fixture.ts';
import { render, root, runHelm } from './helm.ts';
import { byName } from './manifests.ts';
import type { Manifest } from './manifests.ts';

useTools();

describe('what is made of the chart', () => {
  test('is up to date: else run `npm run chart`', async () => {
    const files = await generatedFiles(root, runHelm);
    for (const [path, text] of files) {
      expect(await readFile(join(root, path), 'utf8').catch(() => ''), path).toBe(text);
    }
    for (const directory of GENERATED_DIRECTORIES) {
      const entries = await readdir(join(root, directory), { withFileTypes: true });
      for (const entry of entries.filter((each) => each.isFile())) {
        expect([...files.keys()]).toContain(`${directory}/${entry.name}`);
      }
    }
  });

  test('deploy is the same as the chart, and a namespace for it', async () => {
    const { stdout } = await promisify(execFile)(await findKubectl(), ['kustomize', 'deploy'], {
      cwd: root,
    });
    const built = byName(loadAll(stdout) as Manifest[]);
    const rendered = byName((await render('--no-hooks')).map(withoutHelm));
    expect(built.filter(({ kind }) => kind !== 'Namespace')).toEqual(rendered);
    expect(built.filter(({ kind }) => kind === 'Namespace')).toHaveLength(1);
  });
});

function withoutHelm(manifest: Manifest): Manifest {
  const {
    'helm.sh/chart': _chart,
    'app.kubernetes.io/managed-by': _by,
    ...labels
  } = manifest.metadata.labels ?? {};
  return { ...manifest, metadata: { ...manifest.metadata, labels } };
}
