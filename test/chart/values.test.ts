import { describe, expect, test } from 'vitest';
import { useTools } from './fixture.ts';
import { chart, render, runHelm } from './helm.ts';
import { EVERYTHING } from './manifests.ts';

useTools();

describe('helm lint', () => {
  test.each([
    ['the defaults', []],
    ['everything', EVERYTHING],
  ])('finds nothing in %s', async (_, options) => {
    expect(await runHelm(['lint', '--strict', chart, ...options])).toContain('0 chart(s) failed');
  });
});

describe('the schema', () => {
  test.each([
    'image.digest=',
    'image.repository=registry.example.com:5000/team/leasehold',
    'operator.replicas=1',
    'operator.namespaces={billing}',
    'operator.priorityClass.create=false,operator.priorityClass.name=system-cluster-critical',
    'operator.resources.limits.cpu=1',
    'operator.enabled=false',
    'operator.holderPatterns={^(?<pod>.+)$}',
    'rbac.applications[0].namespace=billing,rbac.applications[0].serviceAccounts={worker}',
    'metrics.serviceMonitor.interval=1m',
    'networkPolicy.egress.cidrs={10.0.0.1/32,fd00::1/128}',
    'flowControl.enabled=true,flowControl.concurrencyShares=5',
    'global.anything=1',
  ])('accepts %s', async (values) => {
    expect((await render('--set', values)).length).toBeGreaterThan(3);
  });

  test.each([
    ['unknown=1', 'unknown'],
    ['operator.replica=3', 'replica'],
    ['image.name=leasehold', 'name'],
    ['operator.priorityClass.preempt=true', 'preempt'],
    ['metrics.dashboard.folder=x', 'folder'],
    ['networkPolicy.egress.port=443', 'port'],
    ['image.repository=', '/image/repository'],
    ['image.repository=leasehold:1.0', '/image/repository'],
    ['image.digest=latest', '/image/digest'],
    ['image.pullPolicy=Sometimes', '/image/pullPolicy'],
    ['operator.replicas=0', '/operator/replicas'],
    ['operator.replicas=two', '/operator/replicas'],
    ['operator.namespaces=billing', '/operator/namespaces'],
    ['operator.namespaces={Billing}', '/operator/namespaces/0'],
    ['operator.namespaces={billing,billing}', '/operator/namespaces'],
    ['operator.priorityClass.value=2000000000', '/operator/priorityClass/value'],
    ['operator.holderPatterns={.+}', '/operator/holderPatterns/0'],
    ['rbac.applications[0].namespace=billing', 'serviceAccounts'],
    ['metrics.serviceMonitor.interval=often', '/metrics/serviceMonitor/interval'],
    ['networkPolicy.egress.cidrs={10.0.0.1}', '/networkPolicy/egress/cidrs/0'],
    ['networkPolicy.egress.ports={}', '/networkPolicy/egress/ports'],
    ['flowControl.matchingPrecedence=0', '/flowControl/matchingPrecedence'],
    ['guard=true', '/guard'],
  ])('refuses %s', async (values, named) => {
    await expect(render('--set', values)).rejects.toThrow(named);
  });

  test('values that need one another are refused with a reason', async () => {
    const monitor = 'metrics.service=false,metrics.serviceMonitor.enabled=true';
    await expect(render('--set', monitor)).rejects.toThrow('serviceMonitor needs metrics.service');
    const bind =
      'rbac.roles=false,rbac.applications[0].namespace=a,rbac.applications[0].serviceAccounts={b}';
    await expect(render('--set', bind)).rejects.toThrow('needs rbac.roles');
  });
});
