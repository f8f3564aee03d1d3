import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useFixture } from '../cli/fixture.ts';
import { Program } from '../cli/program.ts';
import { renderKubeconfig } from '../cluster/kubeconfig.ts';
import { isEmbedded } from '../cluster/shared.ts';

const fixture = useFixture();
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

  test.each(['ls', 'describe', 'watch'])('%s: nobody listens', async (command) => {
    const file = await kubeconfig('nobody', renderKubeconfig('https://127.0.0.1:1', '', {}));
    const words = command === 'describe' ? ['describe', 'x'] : [command];
    const { code, errors } = await Program.start([...words, '--kubeconfig', file], {}).finished;
    expect(code).toBe(69);
    expect(errors).toMatch(/^leasehold: cannot list .*ECONNREFUSED.*\n$/);
  });

  test('a kubeconfig that is none', async () => {
    const file = await kubeconfig('garbled', '{ a: [');
    const { code, errors } = await fixture().run('ls', '--kubeconfig', file);
    expect(code).toBe(78);
    expect(errors).toMatch(/^leasehold: kubeconfig .*garbled: is not YAML: .*\n$/);
  });

  test('wrong words', async () => {
    expect(await fixture().run('ls', '-A')).toMatchObject({ code: 64 });
    expect(await fixture().run('ls', '-l', '==')).toMatchObject({ code: 64 });
    expect(await fixture().run('describe')).toMatchObject({ code: 64 });
    expect(await fixture().run('ls', '-o', 'yaml')).toMatchObject({ code: 64 });
  });
});
