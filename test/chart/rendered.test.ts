import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { useTools } from './fixture.ts';
import { chart, render, root, runHelm } from './helm.ts';
import { EVERYTHING, byName, find } from './manifests.ts';
import type { Manifest } from './manifests.ts';

useTools();

describe('what is rendered', () => {
  test.each([
    ['defaults', []],
    ['everything', EVERYTHING],
  ])('of %s is as it was looked at', async (name, options) => {
    // The two that are left out have tests of their own.
    const without = ['--set', 'guard.enabled=false,metrics.dashboard.enabled=false'];
    const words = ['template', 'leasehold', chart, '-n', 'leasehold', ...options, ...without];
    const text = await runHelm(words);
    await expect(text).toMatchFileSnapshot(`snapshots/${name}.yaml`);
  });

  test('has the labels that all charts have, and the namespace of the release', async () => {
    for (const { kind, metadata } of await render(...EVERYTHING)) {
      if (kind === 'Lease') continue;
      expect({ kind, ...metadata.labels }).toMatchObject({
        'app.kubernetes.io/name': 'leasehold',
        'app.kubernetes.io/instance': 'leasehold',
        'app.kubernetes.io/version': expect.stringMatching(/^\d+\./) as string,
        'app.kubernetes.io/managed-by': 'Helm',
        'app.kubernetes.io/component': expect.stringMatching(/./) as string,
      });
    }
  });

  test("the election's Lease has labels that no upgrade changes: the guard refuses edits of a held one", async () => {
    const { metadata } = find(await render(...EVERYTHING), 'Lease', 'leasehold-operator');
    expect(metadata.labels).toEqual({
      'app.kubernetes.io/name': 'leasehold',
      'app.kubernetes.io/instance': 'leasehold',
      'app.kubernetes.io/component': 'operator',
    });
  });

  test('a release of another name brings it along', async () => {
    const text = await runHelm(['template', 'blue', chart, '-n', 'x']);
    const names = (loadAll(text) as (Manifest | null)[]).map((each) => each?.metadata.name);
    expect(names).toContain('blue-leasehold-application');
    expect(names).toContain('blue-leasehold-operator');
  });

  test('an image is pinned by its digest', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const manifests = await render(
      '--set',
      `image.repository=r.example.com/x,image.digest=${digest}`,
    );
    const text = JSON.stringify(find(manifests, 'Deployment', 'leasehold-operator'));
    expect(text).toMatch(new RegExp(`"image":"r.example.com/x:[0-9.]+@${digest}"`));
  });

  test('the dashboard is the file', async () => {
    const manifests = await render(...EVERYTHING);
    const { data } = find(manifests, 'ConfigMap', 'leasehold-dashboard');
    const file = await readFile(join(root, chart, 'files/dashboard.json'), 'utf8');
    expect(data?.['leasehold.json']?.trim()).toBe(file.trim());
  });

  test('with namespaces alone there is nothing of the whole cluster', async () => {
    const manifests = await render(
      '--set',
      'operator.namespaces={billing},rbac.roles=false,operator.priorityClass.create=false',
    );
    const unplaced = manifests.filter(({ metadata }) => metadata.namespace === undefined);
    expect(unplaced).toEqual([]);
  });

  test('without the operator there are roles only', async () => {
    const kinds = new Set(
      (await render('--no-hooks', '--set', 'operator.enabled=false')).map(({ kind }) => kind),
    );
    expect([...kinds]).toEqual(['ClusterRole']);
  });

  test('the version is that of the package', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    const shown = await runHelm(['show', 'chart', chart]);
    expect(shown).toContain(`\nversion: ${version}\n`);
    expect(shown).toContain(`appVersion: ${version}\n`);
  });
});

describe('the guard of the chart', () => {
  test('is that of deploy/guard', async () => {
    const directory = join(root, 'deploy/guard');
    const texts = await Promise.all(
      (await readdir(directory)).map((file) => readFile(join(directory, file), 'utf8')),
    );
    const expected = texts.flatMap((text) => loadAll(text) as Manifest[]);
    const rendered = (await render('--set', 'guard.enabled=true')).filter(
      ({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'guard',
    );
    expect(byName(rendered.map(withoutLabels))).toEqual(byName(expected.map(withoutLabels)));
    expect(rendered.length).toBeGreaterThan(8);
  });

  test('is not there unless it is asked for', async () => {
    expect((await render()).map(({ kind }) => kind)).not.toContain('ValidatingAdmissionPolicy');
  });
});

function withoutLabels(manifest: Manifest): Manifest {
  const { labels: _, ...metadata } = manifest.metadata;
  return { ...manifest, metadata };
}
