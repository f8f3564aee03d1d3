/**
 * `npm run example -- NAME`: plays one of the examples, with several processes on this machine. What users
 * copy is `main.ts` of each; how it is shown is in its `play.ts`.
 */
import { existsSync, globSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Stage } from './stage/stage.ts';

const USAGE = 64;
/** What a shell gives for SIGINT. */
const INTERRUPTED = 130;

async function main([name = '', ...others]: readonly string[]): Promise<number> {
  const play = new URL(`${name}/play.ts`, import.meta.url);
  if (!/^[\w-]+$/.test(name) || others.length > 0 || !existsSync(play)) {
    const files = globSync('*/play.ts', { cwd: import.meta.dirname });
    const names = files.map((file) => basename(dirname(file))).toSorted();
    process.stderr.write(`npm run example -- NAME, which is one of: ${names.join(', ')}\n`);
    return USAGE;
  }
  const example = (await import(play.href)) as { play(stage: Stage): Promise<void> };
  const asked = untilAskedToEnd();
  await using stage = await Stage.start();
  return await Promise.race([example.play(stage).then(() => 0), asked]);
}

async function untilAskedToEnd(): Promise<number> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve());
    }
  });
  return INTERRUPTED;
}

try {
  // What a play that was interrupted still waits for does not keep it from ending.
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
