/**
 * Checks that every module of the build can be loaded, and that what is imported later is there:
 * tests run the sources, users run this.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const program = join('dist', 'cli', 'main.js');
const modules = globSync('dist/**/*.js');
const missing = modules.flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)]
    .map(([, target = '']) => join(dirname(file), target))
    .filter((target) => !existsSync(target))
    .map((target) => `${file} imports ${target}, which is not there`),
);
for (const line of missing) console.error(line);
if (missing.length > 0) process.exit(1);
// The program would run, and so would what it starts.
const programs = [program, join('dist', 'cli', 'supervise.js'), join('dist', 'cli', 'watchdog.js')];
const loaded = modules.filter((file) => !programs.includes(file));
for (const file of loaded) await import(pathToFileURL(file).href);
console.log(`${String(loaded.length)} modules of the build load`);
