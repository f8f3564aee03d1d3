import { rm, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ClusterUnavailableError } from '../errors.ts';
import { findBuilder } from './builder.ts';
import { buildProjectImage } from './project.ts';

const usage = `Usage: npm run image -- [--tag <name>] [--save <file>]

Builds the image of leasehold with docker, buildah or podman.

  --tag <name>   default: leasehold.test/leasehold:dev
  --save <file>  write it there, too, as docker save does
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tag: { type: 'string', default: 'leasehold.test/leasehold:dev' },
      save: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    process.stdout.write(usage);
    return;
  }
  const { tag, save } = values;
  const builder = await findBuilder();
  await buildProjectImage(builder, tag);
  process.stdout.write(`${tag} is built by ${builder.name}\n`);
  if (save === undefined) return;
  await rm(save, { force: true });
  await builder.save(tag, save);
  const megabytes = ((await stat(save)).size / 1e6).toFixed(0);
  process.stdout.write(`${save} has it: ${megabytes} MB\n`);
}

try {
  await main();
} catch (error) {
  const expected = error instanceof ClusterUnavailableError || error instanceof TypeError;
  process.stderr.write(`${expected ? error.message : String((error as Error).stack)}\n`);
  process.exitCode = 1;
}
