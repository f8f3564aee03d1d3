import { beforeAll, describe, expect, test } from 'vitest';
import { fieldsFrom } from '../cli/docs-tables.ts';
import { useFixture } from '../cli/fixture.ts';
import type { Lease } from '../../src/core/lease.ts';
import { leasePath } from './world.ts';

const fixture = useFixture();
const LOOK = 'docs/cli.md';
const MEND = 'docs/cli-repair.md';
/** Of each item of a list, and of each result. */
const ITEM = ['kind', 'namespace', 'name', 'lease'];
const RESULT = ['apiVersion', 'kind', 'namespace'];

type Document = Record<string, unknown>;

/** What programs may rely on: a field that is renamed, or that nobody has documented, fails here. */
function expectFields(documents: readonly object[], documented: readonly string[]): void {
  const found = new Set(documents.flatMap((document) => Object.keys(document)));
  expect([...found].sort()).toEqual([...new Set(documented)].sort());
}

async function make(name: string, metadata: object, spec: Lease['spec']): Promise<Lease> {
  const { cluster, namespace } = fixture();
  const lease = { metadata: { name, ...metadata }, spec };
  return cluster.client.expect<Lease>('POST', leasePath(namespace), lease);
}

async function json(code: number, ...words: readonly string[]): Promise<Document> {
  const finished = await fixture().run(...words, '-o', 'json');
  expect(finished).toMatchObject({ code });
  return JSON.parse(finished.output) as Document;
}

const now = (): string => new Date().toISOString().replace('Z', '000Z');
const labels = (role: string): object => ({ labels: { 'leasehold.dev/role': role } });

async function makeSession(name: string): Promise<string> {
  const times = { leaseDurationSeconds: 3_600, renewTime: now() };
  const { metadata } = await make(name, labels('session'), { holderIdentity: 'worker', ...times });
  return `v=1 session=${name} uid=${metadata.uid ?? ''} ttl=3600 mode=exclusive`;
}

beforeAll(async () => {
  const holder = await makeSession('holder-1');
  const waiter = await makeSession('waiter-1');
  const annotations = {
    'holder.leasehold.dev/0a-1': holder,
    'queue.leasehold.dev/0b-1': `${waiter} seen=1`,
  };
  await make('invoices', { ...labels('lock'), annotations }, { holderIdentity: 'holder-1' });
  const plan = { v: 1, everyMs: 60_000, atMostMs: 1_000, atLeastMs: 0, catchUp: 'skip' };
  await make(
    'nightly',
    {
      ...labels('state'),
      annotations: { 'schedule.leasehold.dev/plan': JSON.stringify(plan) },
    },
    {},
  );
  const times = { acquireTime: now(), renewTime: now(), leaseDurationSeconds: 3_600 };
  await make('controller', {}, { holderIdentity: 'leader', leaseTransitions: 4, ...times });
  await make('heartbeat', {}, { holderIdentity: 'somebody', ...times });
});

describe('the docs name each field of', () => {
  test('ls and describe', async () => {
    const list = await json(0, 'ls', '--kind', 'all');
    expectFields([list], fieldsFrom(LOOK, '`leasehold ls -o json` prints one `List`'));
    const items = list.items as Document[];
    for (const kind of ['Lock', 'Election', 'Schedule', 'Session', 'Other']) {
      const ofKind = items.filter((item) => item.kind === kind);
      expectFields(ofKind, [...ITEM, ...fieldsFrom(LOOK, `| \`${kind}\` `)]);
    }
    const [lock] = items.filter(({ kind }) => kind === 'Lock');
    const entries = [lock?.holders, lock?.queue].flat() as Document[];
    expectFields(entries, fieldsFrom(LOOK, '| an entry '));
    const described = await json(0, 'describe', 'invoices');
    const around = ['apiVersion', 'serverTime', 'nodes', 'events'];
    expectFields([described], [...Object.keys(lock ?? {}), ...around]);
  });

  test('ls --deadlocks', async () => {
    const [one, other] = [await makeSession('one-1'), await makeSession('other-1')];
    const annotations = (holder: string, waiter: string, id: string): object => ({
      [`holder.leasehold.dev/0c-${id}`]: holder,
      [`queue.leasehold.dev/0d-${id}`]: `${waiter} seen=1 since=2026-11-21T09:30:09Z`,
    });
    const wanted = { holderIdentity: '' };
    await make('left', { ...labels('lock'), annotations: annotations(one, other, '1') }, wanted);
    await make('right', { ...labels('lock'), annotations: annotations(other, one, '2') }, wanted);
    const list = await json(0, 'ls', '--deadlocks');
    const [deadlock] = list.items as Document[];
    expectFields([deadlock ?? {}], fieldsFrom(LOOK, '| `Deadlock` '));
    expect(deadlock).toMatchObject({ proof: 'possible' });
    expectFields(deadlock?.members as Document[], fieldsFrom(LOOK, '| a member '));
    const { output } = await fixture().run('ls', '--deadlocks');
    expect(output).toMatch(/^DEADLOCK .*\n1 +possible +(one|other)-1 /);
    expect((await fixture().run('ls', '--deadlocks', '--kind', 'lock')).code).toBe(64);
  });

  test('watch', async () => {
    const watching = fixture().start('watch', '-o', 'json');
    await expect.poll(() => watching.errors, { timeout: 60_000 }).toMatch(/^leasehold: watching /);
    await makeSession('watched-1');
    const [line] = await watching.printed(/^.*session-began.*$/m);
    watching.child.kill('SIGINT');
    await watching.finished;
    expectFields([JSON.parse(line) as Document], fieldsFrom(LOOK, 'prints one `Change` a line'));
  });

  test('release and revoke', async () => {
    const released = await json(0, 'release', 'invoices', '--force', '--yes');
    expectFields([released], [...RESULT, ...fieldsFrom(MEND, '`release` (`kind: Release`)')]);
    const revoked = await json(0, 'revoke', 'waiter-1', '--now', '--yes');
    expectFields([revoked], [...RESULT, ...fieldsFrom(MEND, '`revoke` (`kind: Revocation`)')]);
  });

  test('resign', async () => {
    const asked = await json(76, 'resign', 'controller', '--yes', '--timeout', '300ms');
    const forced = await json(0, 'resign', 'controller', '--yes', '--force');
    const documented = fieldsFrom(MEND, '`resign` (`kind: Resignation`)');
    expectFields([asked, forced], [...RESULT, ...documented]);
  });

  test('doctor', async () => {
    const { output } = await fixture().run('doctor', '-o', 'json');
    const diagnosis = JSON.parse(output) as { findings: Document[] };
    const documented = fieldsFrom(MEND, '`doctor` (`kind: Diagnosis`)');
    expectFields([diagnosis], ['apiVersion', 'kind', ...documented]);
    const parts = ['check', 'level', 'message', 'remedy', 'data'];
    expectFields(diagnosis.findings, parts);
  });
});
