import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/client/system-clock.ts';
import { isLeaseholdError } from '../../src/core/errors.ts';
import { CountingTransport } from '../../src/operator/counting-transport.ts';
import { operatorLog } from '../../src/operator/log.ts';
import { Metrics } from '../../src/operator/metrics.ts';
import { checkOperatorPermissions } from '../../src/operator/permissions.ts';
import { ProbeServer } from '../../src/operator/probe-server.ts';
import type { Report } from '../../src/operator/report.ts';
import {
  Answering,
  SESSION,
  Standing,
  done,
  doubtful,
  refused,
  revoked,
  settled,
} from './operator-telling-given.ts';

describe('the metrics', () => {
  it('tell reclaims by proof, and the time from the death to the next holder', async () => {
    const metrics = new Metrics(new Standing());
    metrics.report(revoked);
    metrics.report(settled);
    metrics.report({ type: 'failed', what: 'x', error: new Error('y') });
    metrics.countRequest('list', '200');
    metrics.leads(true);
    const text = await metrics.text();
    expect(text).toContain('leasehold_reclaims_total{proof="container-terminated"} 1');
    expect(text).toContain('leasehold_death_to_holder_seconds_sum 1');
    expect(text).toContain('leasehold_reclaim_seconds_sum 0.02');
    expect(text).toContain('leasehold_api_requests_total{verb="list",code="200"} 1');
    expect(text).toContain('leasehold_failures_total 1');
    expect(text).toContain('leasehold_operator_leader 1');
  });

  it('count deaths about which clocks do not agree', async () => {
    const metrics = new Metrics(new Standing());
    metrics.report(doubtful);
    expect(await metrics.text()).toContain('leasehold_doubtful_deaths_total{why="end"} 1');
  });

  it('leave out what the clocks of two machines make impossible', async () => {
    const clock = new Standing();
    clock.time = -60_000;
    const metrics = new Metrics(clock);
    metrics.report(settled);
    expect(await metrics.text()).toContain('leasehold_death_to_holder_seconds_count 0');
  });

  it('count requests as RBAC names them', async () => {
    const codes = [200, 201, 409, 403, 503, 0, 200, 201, 403, 500];
    const server = createServer((_, answer) => {
      const code = codes.shift() ?? 200;
      if (code === 0) answer.destroy();
      else answer.writeHead(code).end('{ "kind": "Status" }');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const access = {
      server: `http://127.0.0.1:${String(port)}`,
      namespace: 'default',
      source: 'a test',
      tls: {},
      authorization: () => undefined,
    };
    const counted: string[] = [];
    const requests = new CountingTransport({ access, clock: systemClock() }, (verb, code) => {
      counted.push(`${verb} ${code}`);
    });
    await requests.request({ method: 'GET', path: '/x', query: { limit: '500' } });
    for (const method of ['POST', 'PUT', 'DELETE', 'POST', 'PATCH'] as const) {
      await requests.request({ method, path: '/x' });
    }
    for (const status of [200, 201, 403, 500]) {
      const opened = await requests.openWatch('/x', {}, 10_000, new AbortController().signal);
      expect(opened.kind === 'done').toBe(status === 200);
      if (opened.kind === 'done') opened.body.close();
    }
    expect(counted).toEqual([
      'list 200',
      'create 201',
      'update 409',
      'delete 403',
      'create 503',
      'patch none',
      'watch 200',
      'watch 201',
      'watch 403',
      'watch 500',
    ]);
    requests.close();
    server.close();
  });
});

describe('the log', () => {
  it('tells the proof of a revocation, and the same trouble once a minute', () => {
    const lines: { level: string; fields: object; message: string }[] = [];
    const line =
      (level: string) =>
      (fields: object, message: string): void => {
        lines.push({ level, fields, message });
      };
    const clock = new Standing();
    const log = operatorLog(
      { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
      clock,
    );
    log(revoked);
    expect(lines.pop()).toMatchObject({
      level: 'info',
      fields: {
        name: SESSION.name,
        proof: {
          containerID: 'containerd://one',
          sessionStart: '2026-01-01T11:29:00.000Z',
          finishedAt: '2026-01-01T11:30:00.000Z',
        },
      },
    });
    log(doubtful);
    expect(lines.pop()).toMatchObject({
      level: 'warn',
      fields: {
        lease: SESSION.name,
        why: 'end',
        proof: { finishedAt: '2026-01-01T11:30:00.000Z' },
      },
    });
    const trouble: Report = { type: 'failed', what: 'follow Pods', error: new Error('refused') };
    for (let times = 0; times < 10; times += 1) log(trouble);
    expect(lines).toHaveLength(1);
    clock.time = 60_000;
    log(trouble);
    expect(lines).toHaveLength(2);
    expect(lines[1]?.fields).toMatchObject({ untold: 9 });
  });
});

describe('the permissions', () => {
  const reviewer = (isAllowed: (attributes: Record<string, string>) => boolean): Answering =>
    new Answering(({ body }) => {
      const { spec } = body as { spec: { resourceAttributes: Record<string, string> } };
      return done({ status: { allowed: isAllowed(spec.resourceAttributes) } });
    });

  it('are asked for at the start', async () => {
    await checkOperatorPermissions(
      reviewer(() => true),
      ['a'],
      'own',
    );
  });

  it('are named with the rule to add where they are missing', async () => {
    const requests = reviewer(({ resource, verb }) => resource !== 'pods' || verb === 'list');
    const error = await checkOperatorPermissions(requests, undefined, 'own').catch(
      (reason: unknown) => reason,
    );
    expect(isLeaseholdError(error, 'FORBIDDEN')).toBe(true);
    expect(String(error)).toContain(
      'watch pods in all namespaces: add to a ClusterRole { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }',
    );
  });

  it('are found out by use where nobody may ask', async () => {
    await checkOperatorPermissions(new Answering(() => refused(403)), undefined, 'own');
  });
});

describe('the probes', () => {
  let server: ProbeServer | undefined;

  afterEach(async () => {
    await server?.stop();
  });

  it('tell health at once, readiness when all was read, and the metrics', async () => {
    let isReady = false;
    server = await ProbeServer.start(
      {
        isReady: () => isReady,
        metrics: () => Promise.resolve('leasehold_x 1\n'),
        metricsType: 'text/plain; version=0.0.4',
      },
      0,
    );
    const url = `http://127.0.0.1:${String(server.port)}`;
    const status = async (path: string): Promise<number> => (await fetch(url + path)).status;
    expect(await status('/healthz')).toBe(200);
    expect(await status('/readyz')).toBe(503);
    isReady = true;
    expect(await status('/readyz')).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toBe('leasehold_x 1\n');
    expect(await status('/x')).toBe(404);
  });
});
