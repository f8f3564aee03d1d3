import { expect, test } from 'vitest';
import { useFixture } from '../cli/fixture.ts';
import { childrenOf, eventually } from '../cli/program.ts';
import type { Finished } from '../cli/program.ts';
import { until } from './world.ts';

const fixture = useFixture();
const SHOW = 'echo "pid $$ $LEASEHOLD_FENCE"';
const TIMES = ['--lease-duration', '6s', '--renew-deadline', '4s', '--retry-period', '500ms'];

function result(finished: Finished): Record<string, unknown> {
  return JSON.parse(finished.output) as Record<string, unknown>;
}

test('ends a term in order: the command ends first, and then the next candidate leads', async () => {
  const script = `trap 'echo ended; exit' TERM; ${SHOW}; while :; do sleep 0.05; done`;
  const words = (identity: string, command: string): string[] => [
    ...['elect', 'orderly', ...TIMES, '--identity', identity],
    ...['--', 'sh', '-c', command],
  ];
  const first = fixture().start(...words('one', script));
  await first.printed(/pid/);
  const second = fixture().start(...words('two', `${SHOW}; read line`));
  // Its watchdog is started when it begins to stand.
  await eventually('the campaign', () => childrenOf(second.pid).length === 1);
  const resigned = await fixture().run(
    'resign',
    'orderly',
    '--to',
    'two',
    '--yes',
    '--timeout',
    '60s',
  );
  expect(resigned).toMatchObject({ code: 0, errors: '' });
  expect(resigned.output).toMatch(/one does not lead any more; two leads now/);
  await first.printed(/ended\n$/);
  await second.printed(/pid/);
  expect((await fixture().mustLease('orderly')).metadata.annotations ?? {}).toEqual({});
  expect(await fixture().eventsAbout('orderly')).toEqual(['AskedToResign']);
  first.child.kill('SIGTERM');
  expect((await first.finished).errors).toMatch(
    /leasehold: leadership of orderly was asked to resign; the command was ended\n$/,
  );
  second.write('end\n');
  expect(await second.finished).toMatchObject({ code: 0 });
});

test('says when the leader does not resign, and takes the Lease by force', async () => {
  const { cluster, namespace } = fixture();
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const now = '2026-01-01T00:00:00.000000Z';
  await cluster.client.expect('POST', path, {
    metadata: { name: 'silent' },
    spec: {
      holderIdentity: 'old',
      leaseDurationSeconds: 3_600,
      leaseTransitions: 4,
      acquireTime: now,
      renewTime: now,
    },
  });
  const words = ['resign', 'silent', '--yes', '--timeout', '300ms', '-o', 'json'];
  const asked = await fixture().run(...words);
  expect(asked.code).toBe(76);
  expect(result(asked)).toMatchObject({ result: 'still-leads', renewedSince: false });
  expect(asked.errors).toMatch(/old still leads election silent: it has not renewed since/);
  expect((await fixture().mustLease('silent')).metadata.annotations).toMatchObject({
    'leasehold.dev/resign': 'old/4',
  });
  const candidate = fixture().start('elect', 'silent', '--', 'sh', '-c', `${SHOW}; read line`);
  const forced = await fixture().run('resign', 'silent', '--yes', '--force', '-o', 'json');
  expect(forced.code).toBe(0);
  expect(result(forced)).toMatchObject({ result: 'resigned', forced: true });
  await candidate.printed(/pid/);
  const { metadata, spec } = await fixture().mustLease('silent');
  expect(metadata.annotations ?? {}).toEqual({});
  expect(spec?.leaseTransitions).toBe(5);
  candidate.write('end\n');
  expect(await candidate.finished).toMatchObject({ code: 0 });
  await until(
    () => fixture().mustLease('silent'),
    (lease) => lease.spec?.holderIdentity === '',
  );
  expect((await fixture().run('resign', 'silent', '--yes')).code).toBe(81);
  expect((await fixture().run('resign', 'nothing', '--yes')).code).toBe(66);
});
