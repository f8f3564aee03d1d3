import { parentPort } from 'node:worker_threads';
import type { Job } from './campaign.ts';
import { simulate } from './simulate.ts';

Error.stackTraceLimit = 0;

parentPort?.on('message', ({ seed, scenario }: Job) => {
  void simulate(seed, scenario).then((run) => parentPort?.postMessage(run));
});
