/**
 * What the guard costs a renewal: the same PUT in a guarded and in an open namespace, in turns. Run
 * with `npx node bench/guard.ts` (numbers are in docs/security.md).
 */
import { sharedClusterVariable } from '../test/cluster/shared.ts';
import setup from '../test/cluster/shared.ts';
import { now } from '../test/guard/attacks.ts';
import { Guarded } from '../test/guard/guarded.ts';
import type { Pod } from '../test/guard/guarded.ts';

const RENEWALS = 2_000;
const WARM_UP = 200;

const stop = await setup();
process.stderr.write(`cluster: ${process.env[sharedClusterVariable] ?? ''}\n`);
try {
  await using guarded = await Guarded.open();
  const open = await guarded.cluster.createNamespace();
  const pod = await guarded.pod('holder');
  const outside = await guarded.pod('holder', 'app', open);
  const times = { guarded: [] as number[], open: [] as number[] };
  const leases = { guarded: await create(pod), open: await create(outside) };
  for (let turn = 0; turn < RENEWALS + WARM_UP; turn += 1) {
    for (const [where, who] of [
      ['guarded', pod],
      ['open', outside],
    ] as const) {
      const lease = leases[where];
      const body = { ...lease, spec: { ...lease.spec, renewTime: now() } };
      const started = performance.now();
      const answer = await who.send('PUT', lease.metadata.name, body);
      if (turn >= WARM_UP) times[where].push(performance.now() - started);
      if (answer.status !== 200) throw new Error(answer.body.message);
      leases[where] = answer.body;
    }
  }
  const quantile = (values: readonly number[], part: number): string =>
    ([...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? 0).toFixed(2);
  for (const [where, values] of Object.entries(times)) {
    const line = [0.5, 0.9, 0.99].map(
      (part) => `p${String(part * 100)} ${quantile(values, part)} ms`,
    );
    process.stdout.write(`${where}: ${line.join(', ')}\n`);
  }
  await guarded.cluster.deleteNamespace(open);
} finally {
  await stop();
}

async function create(pod: Pod): Promise<Awaited<ReturnType<Pod['send']>>['body']> {
  const metadata = {
    name: 'renewed',
    labels: { 'leasehold.dev/role': 'session' },
    annotations: { 'leasehold.dev/holder-principal': pod.principal },
  };
  const times = { acquireTime: now(), renewTime: now() };
  const spec = { holderIdentity: 'holder', leaseDurationSeconds: 15, ...times };
  const answer = await pod.send('POST', '', { metadata, spec });
  if (answer.status !== 201) throw new Error(answer.body.message);
  return answer.body;
}
