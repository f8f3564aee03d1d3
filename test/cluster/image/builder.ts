import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statfs } from 'node:fs/promises';
import { ClusterUnavailableError } from '../errors.ts';
import { runCommand } from '../node/command.ts';
import { findProgram } from '../node/packages.ts';

interface ImageBuild {
  readonly tag: string;
  readonly directory: string;
  /** Within the directory; default: `Dockerfile`. */
  readonly file?: string;
  readonly arguments?: Readonly<Record<string, string>>;
}

/** What builds images on this machine. */
export interface Builder {
  readonly name: 'docker' | 'buildah' | 'podman';
  /** What it says goes to standard error. */
  build(build: ImageBuild): Promise<void>;
  /** Writes the image as `docker save` does. */
  save(tag: string, archive: string): Promise<void>;
}

/** @throws ClusterUnavailableError when there is none */
export async function findBuilder(): Promise<Builder> {
  if (await hasDocker()) return builder('docker', [], ['docker', 'save', '--output']);
  // Neither needs a namespace of its own for what root builds, nor another network than ours.
  const isolation = ['--isolation', 'chroot', '--network', 'host', '--layers', '--pull=missing'];
  if (await findProgram('buildah')) return builder('buildah', isolation, undefined);
  if (await findProgram('podman')) {
    return builder('podman', isolation, ['podman', 'save', '--output']);
  }
  throw new ClusterUnavailableError(
    'nothing here builds images: apt-get install --no-install-recommends buildah (or docker, podman)',
  );
}

/** Whether a Docker daemon answers: its client alone is no use. */
export async function hasDocker(): Promise<boolean> {
  if ((await findProgram('docker')) === undefined) return false;
  try {
    await runCommand('docker', 'info');
    return true;
  } catch {
    return false;
  }
}

function builder(
  name: Builder['name'],
  options: readonly string[],
  save: readonly string[] | undefined,
): Builder {
  return {
    name,
    async build({ tag, directory, file = 'Dockerfile', arguments: values = {} }) {
      await run(name, [
        'build',
        ...options,
        ...['--tag', tag, '--file', `${directory}/${file}`],
        ...Object.entries(values).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
        directory,
      ]);
    },
    async save(tag, archive) {
      if (save === undefined) await run(name, ['push', tag, `docker-archive:${archive}:${tag}`]);
      else await run(save[0] ?? name, [...save.slice(1), archive, tag]);
    },
  };
}

const overlayType = 0x794c7630;

async function run(command: string, words: readonly string[]): Promise<void> {
  // The kernel refuses an overlay on an overlay, as the root of a container is.
  const isOverlay = (await statfs('/')).type === overlayType;
  const child = spawn(command, words, {
    stdio: ['ignore', 2, 2],
    env: { ...(isOverlay ? { STORAGE_DRIVER: 'vfs' } : {}), ...process.env },
  });
  const [status] = (await once(child, 'close')) as [unknown];
  if (status !== 0) throw new Error(`${command} ${words.join(' ')} ended with ${String(status)}`);
}
