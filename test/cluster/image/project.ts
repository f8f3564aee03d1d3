import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Builder } from './builder.ts';
import { localBases } from './localBases.ts';

const projectDirectory = join(import.meta.dirname, '../../..');

/**
 * Builds the image of this project from its Dockerfile: from the images that this names, or where
 * their registries cannot be reached, from like ones that are made here.
 */
export async function buildProjectImage(builder: Builder, tag: string): Promise<void> {
  const bases = (await canReachRegistries()) ? {} : await localBases(builder);
  const manifest = await readFile(join(projectDirectory, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  await builder.build({
    tag,
    directory: projectDirectory,
    arguments: { ...bases, VERSION: version },
  });
}

const registries = ['https://registry-1.docker.io/v2/', 'https://gcr.io/v2/'];
const timeoutMilliseconds = 5_000;

async function canReachRegistries(): Promise<boolean> {
  const answers = await Promise.allSettled(
    registries.map((url) => fetch(url, { signal: AbortSignal.timeout(timeoutMilliseconds) })),
  );
  // 401 is how a registry says that it is one.
  return answers.every(
    (answer) => answer.status === 'fulfilled' && [200, 401].includes(answer.value.status),
  );
}
