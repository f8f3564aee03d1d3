import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ClusterProcessError } from '../errors.ts';

const run = promisify(execFile);

/**
 * Runs a program to its end and returns what it has printed.
 *
 * @throws ClusterProcessError with the end of its errors
 */
export async function runCommand(command: string, ...words: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(command, words, { maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new ClusterProcessError(
      `${command} ${words.join(' ')} failed\n${stderr.slice(-3000)}`.trim(),
      { cause },
    );
  }
}
