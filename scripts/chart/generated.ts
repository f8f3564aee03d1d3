import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { format } from 'prettier';
import { RENDER, deployFiles } from './manifests.ts';
import { withValues } from './readme.ts';
import { withDescriptions } from './schema.ts';

const CHART = 'charts/leasehold';
const GUARD = 'deploy/guard';

/** Directories in which nothing else is. */
export const GENERATED_DIRECTORIES = ['deploy', `${CHART}/files/guard`];

/**
 * What is made of other files, by path: the chart's table of values, the descriptions in
 * its schema, its copy of the guard, and `deploy/`.
 *
 * @param root - of the project
 * @param helm - runs Helm there, and resolves with what it prints
 */
export async function generatedFiles(
  root: string,
  helm: (words: readonly string[]) => Promise<string>,
): Promise<Map<string, string>> {
  const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');
  const files = new Map<string, string>();
  for (const name of await readdir(join(root, GUARD))) {
    files.set(`${CHART}/files/guard/${name}`, await read(`${GUARD}/${name}`));
  }
  const values = await read(`${CHART}/values.yaml`);
  const schema = withDescriptions(await read(`${CHART}/values.schema.json`), values);
  const json = { parser: 'json', printWidth: 100 };
  files.set(`${CHART}/values.schema.json`, await format(schema, json));
  const readme = withValues(await read(`${CHART}/README.md`), values);
  const options = { parser: 'markdown', printWidth: 100, singleQuote: true };
  files.set(`${CHART}/README.md`, await format(readme, options));
  const { appVersion } = load(await read(`${CHART}/Chart.yaml`)) as { appVersion: string };
  const rendered = await helm([...RENDER, CHART]);
  for (const [name, text] of await deployFiles(rendered, appVersion)) {
    files.set(`deploy/${name}`, text);
  }
  return files;
}
