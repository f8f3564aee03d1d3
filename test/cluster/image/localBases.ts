import { access, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheRoot } from '../binaries.ts';
import { ClusterUnavailableError } from '../errors.ts';
import { runCommand } from '../node/command.ts';
import { findProgram, missingPackages } from '../node/packages.ts';
import type { Builder } from './builder.ts';

const buildTag = 'localhost/leasehold-base/node:24';
const runtimeTag = 'localhost/leasehold-base/runtime:12';

/**
 * Makes the images that the Dockerfile begins with, of Debian's packages and the Node of this machine.
 * What is made is no image to publish: nobody has signed it.
 *
 * @returns the build arguments that name them
 */
export async function localBases(builder: Builder): Promise<Record<string, string>> {
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-base-'));
  try {
    await cp(await debian(), join(directory, 'debian.tar'));
    await cp(process.execPath, join(directory, 'node'));
    await cp(npmDirectory(), join(directory, 'npm'), { recursive: true, dereference: true });
    await cp('/etc/ssl/certs/ca-certificates.crt', join(directory, 'authorities.crt'));
    for (const file of ['local-build.Dockerfile', 'local-runtime.Dockerfile']) {
      await cp(join(import.meta.dirname, file), join(directory, file));
    }
    await builder.build({ tag: buildTag, directory, file: 'local-build.Dockerfile' });
    await builder.build({
      tag: runtimeTag,
      directory,
      file: 'local-runtime.Dockerfile',
      arguments: { BUILD: buildTag },
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return { NODE_IMAGE: buildTag, BASE_IMAGE: runtimeTag };
}

/** A small Debian as an archive, made once. */
async function debian(): Promise<string> {
  const archive = join(cacheRoot(), 'debian-bookworm.tar');
  if (await exists(archive)) return archive;
  if ((await findProgram('debootstrap')) === undefined) throw missingPackages(['debootstrap']);
  process.stderr.write('making a small Debian once, about a minute\n');
  await mkdir(cacheRoot(), { recursive: true });
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-debian-'));
  const unfinished = `${archive}.${String(process.pid)}`;
  try {
    const root = join(directory, 'root');
    const options = ['--variant=minbase', '--include=ca-certificates'];
    await runCommand('debootstrap', ...options, 'bookworm', root);
    const words = ['--exclude=./var/cache/apt/archives/*.deb', '--exclude=./dev/*', '.'];
    await runCommand('tar', '--create', '--file', unfinished, '--directory', root, ...words);
    await rename(unfinished, archive);
  } finally {
    await rm(unfinished, { force: true });
    await rm(directory, { recursive: true, force: true });
  }
  return archive;
}

function npmDirectory(): string {
  const program = process.env.npm_execpath;
  if (program === undefined || !program.endsWith('npm-cli.js')) {
    throw new ClusterUnavailableError('an image is built by npm run, which tells where npm is');
  }
  return dirname(dirname(program));
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
