/**
 * Writes what is made of the chart: the table of values in its README, the descriptions in its schema, and
 * `deploy/`; and into the chart a copy of `deploy/guard`, as Helm reads nothing outside of it.
 *
 *     npm run chart
 */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runHelm } from '../test/chart/helm.ts';
import { GENERATED_DIRECTORIES, generatedFiles } from './chart/generated.ts';

const root = join(import.meta.dirname, '..');
const files = await generatedFiles(root, runHelm);
for (const directory of GENERATED_DIRECTORIES) {
  for (const entry of await readdir(join(root, directory), { withFileTypes: true })) {
    const path = `${directory}/${entry.name}`;
    if (entry.isFile() && !files.has(path)) await rm(join(root, path));
  }
}
for (const [path, text] of files) await writeFile(join(root, path), text);
console.log(`${String(files.size)} files written`);
