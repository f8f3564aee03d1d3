import { expect } from 'vitest';
import { startElector } from '../cluster/elector.ts';
import { Program, childrenOf, eventually } from './program.ts';

const TIMES = ['--lease-duration', '6s', '--renew-deadline', '4s', '--retry-period', '500ms'];

/** `leasehold resign` of an election whose leader runs client-go, which knows nothing of leasehold. */
export async function resignOfClientGo(server: {
  kubeconfigPath: string;
  namespace: string;
}): Promise<void> {
  const { kubeconfigPath, namespace } = server;
  const start = (...[command = '', ...rest]: string[]): Program =>
    Program.start([command, '-n', namespace, ...rest], { KUBECONFIG: kubeconfigPath });
  const elector = await startElector({
    kubeconfigPath,
    namespace,
    name: 'foreign-leader',
    identity: 'go',
    leaseDurationMilliseconds: 6_000,
    renewDeadlineMilliseconds: 4_000,
    retryPeriodMilliseconds: 500,
  });
  try {
    await elector.waitFor('started-leading');
    const asked = await start('resign', 'foreign-leader', '--yes', '--timeout', '2s').finished;
    expect(asked.code).toBe(76);
    expect(asked.output).toMatch(/NOTE: this Lease is renewed by\s+elector/);
    expect(asked.errors).toMatch(/it has renewed since/);
    const words = ['elect', 'foreign-leader', ...TIMES, '--identity', 'ours'];
    const candidate = start(...words, '--', 'sh', '-c', 'echo "pid $$"; read line');
    await eventually('the campaign', () => childrenOf(candidate.pid).length === 1);
    const forced = await start('resign', 'foreign-leader', '--yes', '--force').finished;
    if (forced.code === 0) {
      expect(forced.output).toMatch(/go does not lead any more; ours leads now/);
      await candidate.printed(/pid/);
      await elector.waitFor('stopped-leading');
    } else {
      // Its next renewal came before the candidate's watch.
      expect(forced).toMatchObject({ code: 76 });
      expect(forced.errors).toMatch(/go took election foreign-leader right back/);
    }
    candidate.child.kill('SIGTERM');
    await candidate.finished;
  } finally {
    await elector.kill();
  }
}
