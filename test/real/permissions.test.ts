import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/index.ts';
import { useFixture } from '../cli/fixture.ts';
import { Program, eventually } from '../cli/program.ts';
import type { Finished } from '../cli/program.ts';
import type { PolicyRule } from '../cluster/rbac.ts';
import { isEmbedded } from '../cluster/shared.ts';
import { client } from './world.ts';

const fixture = useFixture();
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leasehold-permissions-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** The rules of the first role that a page shows. */
async function rulesOf(page: string): Promise<readonly PolicyRule[]> {
  const text = await readFile(new URL(`../../${page}`, import.meta.url), 'utf8');
  for (const [, yaml = ''] of text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)) {
    const { rules } = load(yaml) as { rules?: readonly PolicyRule[] };
    if (rules) return rules;
  }
  throw new Error(`${page} shows no role`);
}

/** A kubeconfig file of a user who may do what the page says in the namespace, and nothing else. */
async function userOf(page: string): Promise<string> {
  const { cluster, namespace } = fixture();
  const name = page.replace(/\W/g, '-').toLowerCase();
  await cluster.grant(namespace, { kind: 'User', name }, await rulesOf(page));
  const file = join(directory, name);
  await writeFile(file, cluster.kubeconfig(await cluster.clientCertificate(name)));
  return file;
}

/** The same for a Pod that may do what the README says. */
async function podFile(name: string): Promise<string> {
  const { cluster, namespace } = fixture();
  await cluster.createPod(namespace, name, 'application');
  const subject = { kind: 'ServiceAccount', name: 'application', namespace } as const;
  await cluster.grant(namespace, subject, await rulesOf('README.md'));
  const file = join(directory, name);
  await writeFile(
    file,
    cluster.kubeconfig({ token: await cluster.podToken(namespace, 'application', name) }),
  );
  return file;
}

function run(kubeconfig: string, ...words: readonly string[]): Promise<Finished> {
  return Program.start([...words, '-n', fixture().namespace, '--kubeconfig', kubeconfig], {})
    .finished;
}

function result(finished: Finished): unknown {
  expect(finished.code).toBe(0);
  return JSON.parse(finished.output);
}

/** The uses for which doctor finds all permissions. */
function permitted({ output }: Finished): (string | undefined)[] {
  const { findings } = JSON.parse(output) as {
    findings: { check: string; level: string; data?: { use?: string } }[];
  };
  return findings
    .filter(({ check, level }) => check === 'permission' && level === 'good')
    .map(({ data }) => data?.use);
}

// On the embedded API server everything is permitted.
describe.skipIf(isEmbedded)('what is said to be permission enough suffices', () => {
  test('for locks and elections, in the README', async () => {
    const { namespace } = fixture();
    const kubeconfig = await userOf('README.md');
    const [a, b] = await Promise.all([
      connect({ kubeconfig, namespace, identity: 'a' }),
      connect({ kubeconfig, namespace, identity: 'b' }),
    ]);
    const held = await a.lock('x').acquire();
    expect(await b.lock('x').tryAcquire()).toBeUndefined();
    await expect(b.lock('x').acquire({ timeout: '1s' })).rejects.toMatchObject({ code: 'TIMEOUT' });
    const waiting = b.lock('x').acquire();
    await held.release();
    await (await waiting).release();
    const term = await a.election('e').acquire();
    const campaign = b.election('e').acquire();
    for await (const leader of b.election('e').observe()) {
      expect(leader?.identity).toBe(term.identity);
      break;
    }
    await term.transfer('b');
    expect((await campaign).valid).toBe(true);
    await Promise.all([a.close(), b.close()]);
    const words = ['exec', 'x', '-n', namespace, '--kubeconfig', kubeconfig, '--', 'true'];
    expect(await Program.start(words, {}).finished).toMatchObject({ code: 0, errors: '' });
  });

  test('for those who look, in docs/cli.md', async () => {
    const { namespace } = fixture();
    const kubeconfig = await userOf('docs/cli.md');
    const leasehold = await connect({ kubeconfig: await podFile('holder'), namespace });
    const held = await leasehold.lock('seen').acquire();
    expect(result(await run(kubeconfig, 'ls', '-o', 'json'))).toMatchObject({ kind: 'List' });
    const described = await run(kubeconfig, 'describe', 'seen', '-o', 'json');
    expect(result(described)).toMatchObject({ nodes: { holder: 'test-node' }, events: [] });
    const words = ['watch', 'seen', '-n', namespace, '--kubeconfig', kubeconfig];
    const watching = Program.start(words, {});
    await eventually('a watch', () => watching.errors.includes('watching'));
    const doctor = await run(kubeconfig, 'doctor', '-o', 'json');
    expect(permitted(doctor)).toEqual(['ls', 'describe, watch']);
    await held.release();
    await watching.printed(/ released +seen /);
    watching.child.kill('SIGINT');
    expect(await watching.finished).toMatchObject({ code: 130 });
    await leasehold.close();
  });

  test('for those who mend, in docs/cli-repair.md', async () => {
    const { cluster, namespace } = fixture();
    const kubeconfig = await userOf('docs/cli-repair.md');
    const { leasehold } = await client(cluster, namespace, { identity: 'mended' });
    const [taken] = [
      await leasehold.lock('taken').acquire(),
      await leasehold.lock('freed').acquire(),
    ];
    const answered = ['--yes', '-o', 'json'];
    const released = await run(kubeconfig, 'release', 'taken', '--force', ...answered);
    expect(result(released)).toMatchObject({
      result: 'released',
      holderAsked: true,
      eventWritten: true,
    });
    await taken.release();
    const session = (await fixture().lease('freed'))?.spec?.holderIdentity ?? '';
    const revoked = await run(kubeconfig, 'revoke', session, '--now', ...answered);
    expect(result(revoked)).toMatchObject({
      result: 'revoked',
      settled: [{ lock: 'freed', deleted: true }],
      eventWritten: true,
    });
    const sizes = ['resize', 'sized', '--stated', '2', ...answered, '--permits'];
    for (const [permits, done] of [
      ['3', { created: true }],
      ['1', { created: false, deleted: false }],
      ['2', { deleted: true }],
    ] as const) {
      const resized = { result: 'resized', eventWritten: true, ...done };
      expect(result(await run(kubeconfig, ...sizes, permits))).toMatchObject(resized);
    }
    const term = await leasehold.election('led').acquire();
    const resigned = run(kubeconfig, 'resign', 'led', ...answered);
    term.signal.addEventListener('abort', () => void term.resign(), { once: true });
    expect(result(await resigned)).toMatchObject({
      result: 'resigned',
      eventWritten: true,
    });
    await leasehold.close();
    // It is bad that this user may have no locks; about the rest doctor agrees.
    const doctor = await run(kubeconfig, 'doctor', '-o', 'json');
    expect(permitted(doctor)).toEqual(['ls', 'release, revoke, resign']);
    expect(doctor.output).toContain('"check": "latency"');
    expect(doctor.output).toContain('"check": "sessions"');
  });
});
