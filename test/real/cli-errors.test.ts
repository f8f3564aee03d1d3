import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useFixture } from '../cli/fixture.ts';
import { Program } from '../cli/program.ts';
import { renderKubeconfig } from '../cluster/kubeconfig.ts';
import { isEmbedded } from '../cluster/shared.ts';
import { leasePath } from './world.ts';

const fixture = useFixture();
/** Each command that talks to an API server and runs no other, with the words that it needs. */
const COMMANDS: readonly (readonly [command: string, ...words: string[]])[] = [
  ['ls'],
  ['describe', 'x'],
  ['watch'],
  ['release', 'x', '--force', '--yes'],
  ['revoke', 'x', '--yes'],
  ['resign', 'x', '--yes'],
  ['operator', '--port', '0'],
];
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leasehold-inspect-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

async function kubeconfig(name: string, text: string): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, text);
  return file;
}

async function create(lease: object): Promise<void> {
  const { cluster, namespace } = fixture();
  await cluster.client.expect('POST', leasePath(namespace), lease);
}

describe('what goes wrong is told in one line', () => {
  test.skipIf(isEmbedded).each(['ls', 'describe', 'watch'])(
    '%s: not permitted',
    async (command) => {
      const { cluster, namespace } = fixture();
      const user = await cluster.clientCertificate('nobody-in-particular');
      const file = await kubeconfig('forbidden', cluster.kubeconfig(user));
      const words = command === 'describe' ? ['describe', 'x'] : [command];
      const { code, output, errors } = await Program.start(
        [...words, '-n', namespace, '--kubeconfig', file],
        {},
      ).finished;
      expect({ code, output }).toEqual({ code: 77, output: '' });
      const verbs = command === 'watch' ? '"list", "watch"' : '"list"';
      expect(errors).toContain(`resources: ["leases"], verbs: [${verbs}]`);
      expect(errors.split('\n')).toHaveLength(2);
    },
  );

  test.each(COMMANDS)('%s: nobody listens', async (...words) => {
    const file = await kubeconfig('nobody', renderKubeconfig('https://127.0.0.1:1', '', {}));
    const { code, errors } = await Program.start([...words, '--kubeconfig', file], {}).finished;
    expect({ code, errors }).toEqual({
      code: 69,
      errors: expect.stringMatching(/^leasehold: cannot .*ECONNREFUSED.*\n$/) as string,
    });
  });

  test.each(COMMANDS)('%s: a kubeconfig that is none', async (...words) => {
    const file = await kubeconfig('garbled', '{ a: [');
    const { code, errors } = await Program.start([...words, '--kubeconfig', file], {}).finished;
    expect({ code, errors }).toEqual({
      code: 78,
      errors: expect.stringMatching(
        /^leasehold: kubeconfig .*garbled: is not YAML: .*\n$/,
      ) as string,
    });
  });

  test.each(COMMANDS.filter(([, name]) => name === 'x'))(
    '%s: no Lease of that name',
    async (...words) => {
      const { code, errors } = await fixture().run(...words);
      expect({ code, errors }).toEqual({
        code: 66,
        errors: expect.stringMatching(/^leasehold: .*\bx\b.*\n$/) as string,
      });
    },
  );

  test('revoke: a session that was written half is settled as one that was revoked', async () => {
    const labels = { 'leasehold.dev/role': 'session' };
    await create({ metadata: { name: 'half-session', labels } });
    const { code, errors } = await fixture().run('revoke', 'half-session', '--yes');
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });

  test('resign: an election that was written half', async () => {
    await create({ metadata: { name: 'half-election' }, spec: { holderIdentity: 'somebody' } });
    const { code, errors } = await fixture().run('resign', 'half-election', '--yes');
    expect({ code, errors }).toEqual({
      code: 73,
      errors: expect.stringMatching(/^leasehold: .*half-election.*\n$/) as string,
    });
  });

  test('wrong words', async () => {
    expect(await fixture().run('ls', '-A')).toMatchObject({ code: 64 });
    expect(await fixture().run('ls', '-l', '==')).toMatchObject({ code: 64 });
    expect(await fixture().run('describe')).toMatchObject({ code: 64 });
    expect(await fixture().run('ls', '-o', 'yaml')).toMatchObject({ code: 64 });
  });
});
