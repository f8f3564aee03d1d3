import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ClusterUnavailableError } from './errors.ts';

export interface GoBuild {
  /** Directory with the go.mod that pins the versions. */
  readonly module: string;
  readonly package: string;
  readonly output: string;
  readonly linkerFlags?: string;
  /** Told to the user before a build that takes its time. */
  readonly announcement: string;
}

/** Builds a Go program unless `output` is there already. */
export async function buildOnce(build: GoBuild): Promise<string> {
  if (await isExecutable(build.output)) {
    return build.output;
  }
  await mkdir(dirname(build.output), { recursive: true });
  // The final name appears by rename alone, so an interrupted build leaves no broken program, and
  // two builds at once (two checkouts, two test runs) both end with a whole one.
  const unfinished = `${build.output}.${randomUUID()}`;
  process.stderr.write(`${build.announcement}\n`);
  try {
    await runGo(build, unfinished);
    await rename(unfinished, build.output);
  } finally {
    await rm(unfinished, { force: true });
  }
  return build.output;
}

async function runGo(build: GoBuild, output: string): Promise<void> {
  const linkerFlags = `-s -w ${build.linkerFlags ?? ''}`.trim();
  const go = spawn(
    'go',
    ['build', '-trimpath', '-buildvcs=false', '-ldflags', linkerFlags, '-o', output, build.package],
    {
      cwd: build.module,
      env: { ...process.env, CGO_ENABLED: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let diagnostics = '';
  go.stderr.setEncoding('utf8').on('data', (text: string) => {
    diagnostics = (diagnostics + text).slice(-4000);
  });
  let status: unknown;
  try {
    [status] = (await once(go, 'close')) as [unknown];
  } catch (cause) {
    throw new ClusterUnavailableError(
      `${build.package} is missing and cannot be built: the Go toolchain does not start. ` +
        'Install Go 1.26 or later, or point KUBEBUILDER_ASSETS at a directory with ' +
        'kube-apiserver and etcd.',
      { cause },
    );
  }
  if (status !== 0) {
    throw new ClusterUnavailableError(
      `Building ${build.package} failed (status ${String(status)}):\n${diagnostics}`,
    );
  }
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
