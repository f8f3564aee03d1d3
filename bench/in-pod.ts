/**
 * Preloaded (`--import`) into a process that shall believe to run in a Pod: where it reads the files
 * of the service account, it gets those of the directory LEASEHOLD_BENCH_SERVICE_ACCOUNT. So the
 * library is used as it is, and neither root nor a mount is needed.
 */
import type { PathOrFileDescriptor } from 'node:fs';

// Not imported, as that would load more of Node than the process under measurement may need.
const fs = process.getBuiltinModule('node:fs');
const { syncBuiltinESMExports } = process.getBuiltinModule('node:module');
const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';
const directory = process.env.LEASEHOLD_BENCH_SERVICE_ACCOUNT;

if (directory !== undefined) {
  const readFileSync = fs.readFileSync as (
    file: PathOrFileDescriptor,
    ...rest: unknown[]
  ) => unknown;
  const redirected = (file: PathOrFileDescriptor, ...rest: unknown[]): unknown =>
    readFileSync(typeof file === 'string' ? file.replace(mounted, directory) : file, ...rest);
  fs.readFileSync = redirected as typeof fs.readFileSync;
  syncBuiltinESMExports();
}
