import { expect, test } from 'vitest';
import type { Change } from '../../src/inspect/change.ts';
import { microTime } from '../../src/core/lease.ts';
import { isEmbedded } from '../cluster/shared.ts';
import { useFixture } from '../cli/fixture.ts';
import { Program } from '../cli/program.ts';
import { startCluster } from '../cluster/server.ts';
import { client, leasePath, until } from './world.ts';

const fixture = useFixture();

/** Until it has listed: what comes after that it tells. */
async function watching(...words: string[]): Promise<Program> {
  const program = fixture().start('watch', ...words);
  await until(
    () => Promise.resolve(program.errors),
    (errors) => errors.includes('watching'),
  );
  return program;
}

test('tells what happens to a lock, and ends on SIGINT', async () => {
  const { cluster, namespace } = fixture();
  const program = await watching('watched', '-o', 'json');
  const one = await client(cluster, namespace, { identity: 'one' });
  const two = await client(cluster, namespace, { identity: 'two' });
  const held = await one.leasehold.lock('watched').acquire();
  const next = two.leasehold.lock('watched').acquire();
  await two.event('waiting');
  await held.release();
  await (await next).release();
  await one.leasehold.close();
  await two.leasehold.close();
  await program.printed(/"type":"released"[^]*"type":"released"/);
  program.child.kill('SIGINT');
  const { code, output } = await program.finished;
  expect(code).toBe(130);
  const changes = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Change);
  expect(changes.map(({ type, process }) => `${type} ${process ?? ''}`)).toEqual([
    'acquired one',
    'waiting two',
    'released one',
    'granted two',
    'released two',
  ]);
  expect(changes[3]).toMatchObject({
    apiVersion: 'cli.leasehold.dev/v1',
    kind: 'Change',
    name: 'watched',
    session: expect.stringMatching(/^two-/) as string,
    from: expect.stringMatching(/^one-/) as string,
    waitedSeconds: expect.any(Number) as number,
  });
});

test('tells people of leaders and sessions', async () => {
  const { cluster, namespace } = fixture();
  const program = await watching();
  const one = await client(cluster, namespace, { identity: 'candidate' });
  const term = await one.leasehold.election('Watched / election').acquire();
  await one.leasehold.lock('watched-too').acquire();
  await term.resign();
  await one.leasehold.close();
  await program.printed(/ session-began +candidate-[0-9a-f]{8} +process candidate\n/);
  await program.printed(/ leading +Watched \/ election +nobody -> candidate_/);
  await program.printed(/ resigned +Watched \/ election +candidate_.*, for /);
  await program.printed(/ session-ended +candidate-[0-9a-f]{8} +process candidate, for /);
  program.child.kill('SIGTERM');
  expect(await program.finished).toMatchObject({ code: 143 });
});

test.skipIf(isEmbedded)(
  'goes on after a restart of the API server, and tells nothing twice',
  async () => {
    await using cluster = await startCluster();
    const namespace = await cluster.createNamespace();
    const elect = async (leader: string): Promise<void> => {
      const spec = { holderIdentity: leader, leaseDurationSeconds: 15, leaseTransitions: 0 };
      const now = microTime(Date.now());
      await cluster.client.expect('POST', leasePath(namespace), {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: `of-${leader}` },
        spec: { ...spec, acquireTime: now, renewTime: now },
      });
    };
    const program = Program.start(['watch', '-n', namespace, '-o', 'json'], {
      KUBECONFIG: cluster.kubeconfigPath,
    });
    const said = (text: string): Promise<string> =>
      until(
        () => Promise.resolve(program.errors),
        (errors) => errors.includes(text),
      );
    await said('watching namespace');
    await elect('before');
    await program.printed(/of-before/);
    await cluster.killApiServer();
    await said('the API server does not answer');
    await cluster.startApiServer();
    await elect('after');
    await program.printed(/of-after/);
    await said('watching again');
    program.child.kill('SIGINT');
    const { code, output } = await program.finished;
    expect(code).toBe(130);
    const lines = output.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as Change).process)).toEqual(['before', 'after']);
  },
);

test('ends when its reader does', async () => {
  const program = await watching('broken-pipe');
  program.child.stdout?.destroy();
  const one = await client(fixture().cluster, fixture().namespace, { identity: 'one' });
  // It learns of that when it next has something to say.
  while (program.child.exitCode === null) {
    await one.leasehold.lock('broken-pipe').run(() => Promise.resolve());
  }
  expect(await program.finished).toMatchObject({ code: 141 });
  await one.leasehold.close();
});
