/** Compiles src/ to dist/, from nothing, so that no file stays of which the source is gone. */
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
if (status !== 0) process.exit(status ?? 1);
// npm does it for packages that it installs; `npx leasehold` in this folder runs the file itself.
chmodSync('dist/cli/main.js', 0o755);
