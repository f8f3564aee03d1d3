import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { say } from '../stage/stage.ts';
import type { Stage } from '../stage/stage.ts';
import type { Worker } from '../stage/worker.ts';
import { Pods } from './pods.ts';

const NAMES = ['tickets-1', 'tickets-2', 'tickets-3'];
const SELECTOR = 'app=tickets,leasehold.dev/leader=tickets';
const TRY_AGAIN_MS = 20;

interface Pod {
  readonly name: string;
  readonly worker: Worker;
  readonly url: string;
}

export async function play(stage: Stage): Promise<void> {
  if (!stage.server) {
    throw new Error(
      'this one is about Pods: on a cluster, kubectl apply -k examples/leader-service',
    );
  }
  const pods = new Pods(stage.server);
  // It labels the Pod of the leader, and takes the label away from others.
  const operator = await stage.worker('operator', {
    program: new URL('../../src/cli/main.ts', import.meta.url),
    words: ['operator', '--leader-label', '--election-namespace', 'default', '--port', '0'],
    environment: {},
  });
  await operator.printed(/"event":"started"/);

  const started: Pod[] = [];
  for (const name of NAMES) started.push(await startPod(stage, pods, name));
  const service = (): Promise<Pod> => reached(pods, started);

  const first = await service();
  say(`the Service reaches ${first.name}`);
  for (let number = 1; number <= 3; number += 1) say(`  ticket ${await ticketOf(service)}`);

  first.worker.signal('SIGTERM');
  say(`${first.name} is told to end (SIGTERM)`);
  await first.worker.printed(/^leads no more$/);
  const answer = await fetch(first.url);
  say(`${first.name} answers with ${String(answer.status)}, ${(await answer.text()).trim()}`);
  while ((await service()) === first) await pause(TRY_AGAIN_MS);
  say(`the Service reaches ${(await service()).name}`);
  for (let number = 1; number <= 3; number += 1) say(`  ticket ${await ticketOf(service)}`);
}

async function startPod(stage: Stage, pods: Pods, name: string): Promise<Pod> {
  const kubeconfig = join(stage.directory, name);
  await writeFile(kubeconfig, pods.create(name), { mode: 0o600 });
  const worker = await stage.worker(name, {
    program: new URL('main.ts', import.meta.url),
    environment: { KUBECONFIG: kubeconfig, PORT: '0' },
    onLine: (line) => say(`${name} ${line}`),
  });
  const [, port = ''] = await worker.printed(/^serves at port (\d+)$/);
  return { name, worker, url: `http://127.0.0.1:${port}/` };
}

/** Stands for the Service and kube-proxy, of which an API server alone has nothing. */
async function reached(pods: Pods, started: readonly Pod[]): Promise<Pod> {
  for (;;) {
    const [name, ...others] = pods.selected(SELECTOR);
    const pod = others.length === 0 && started.find((one) => one.name === name);
    if (pod) return pod;
    await pause(TRY_AGAIN_MS);
  }
}

/** As a client does it that tries again. */
async function ticketOf(service: () => Promise<Pod>): Promise<string> {
  for (;;) {
    const answer = await fetch((await service()).url);
    const text = await answer.text();
    if (answer.ok) return text.trim();
    await pause(TRY_AGAIN_MS);
  }
}
