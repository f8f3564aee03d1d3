/**
 * Type-checks every example that users may copy: the `ts` blocks of README.md and docs/, and those
 * of the TSDoc of src/. A block that imports nothing finds `leasehold` and the work of
 * scripts/examples.d.ts at hand.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = join('node_modules', '.cache', 'leasehold-examples');
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });

let count = 0;
for (const file of globSync(['README.md', 'docs/**/*.md', 'src/**/*.ts'])) {
  for (const block of blocksOf(readFileSync(file, 'utf8'))) {
    count += 1;
    const name = `${file.replace(/\W+/g, '-')}-${String(count)}.ts`;
    // An export makes a module of it, so that top-level await and equal names do not clash.
    writeFileSync(join(directory, name), `// ${file}\n${block}\nexport {};\n`);
  }
}
if (count === 0) throw new Error('no examples found');

const project = join(directory, 'tsconfig.json');
writeFileSync(
  project,
  JSON.stringify({
    extends: '../../../tsconfig.json',
    compilerOptions: {
      paths: {
        leasehold: ['../../../src/index.ts'],
        'leasehold/testing': ['../../../src/testing/index.ts'],
      },
      types: ['node'],
      rootDir: '../../..',
    },
    include: ['*.ts', '../../../scripts/examples.d.ts'],
  }),
);
const { status } = spawnSync('tsc', ['-p', project], { stdio: 'inherit' });
console.log(`${String(count)} examples type-checked`);
process.exitCode = status ?? 1;

function* blocksOf(text: string): Generator<string> {
  const fence = /^([ *]*)```ts\n([\s\S]*?)^[ *]*```$/gm;
  for (const [, indent, body] of text.matchAll(fence)) {
    const prefix = indent ?? '';
    yield (body ?? '')
      .split('\n')
      .map((line) => (line.startsWith(prefix) ? line.slice(prefix.length) : line.trimStart()))
      .map((line) => (prefix.includes('*') ? line.replace(/^\*\s?/, '') : line))
      .join('\n');
  }
}
