// The second process: opens the watches that the parent asks for and reports what they cost.
import { setTimeout as sleep } from 'node:timers/promises';
import { sequenceOf } from './leases.ts';
import { monotonicMilliseconds } from './statistics.ts';
import { type Endpoint, type TransportName, transports } from './transport.ts';

export interface OpenCommand {
  readonly endpoint: Endpoint;
  readonly transport: TransportName;
  readonly paths: readonly string[];
}

export interface OpenReport {
  readonly openMilliseconds: number;
  readonly rssBefore: number;
  readonly rssAfter: number;
  readonly connections: number;
  readonly maxConcurrentStreams: number | undefined;
}

export interface EventReport {
  /** Sequence number and time of arrival. */
  readonly arrivals: readonly (readonly [number, number])[];
  readonly cpuMicroseconds: number;
}

const arrivals: [number, number][] = [];
let cpu = process.cpuUsage();

process.on('message', (command: OpenCommand | 'collect') => {
  if (command === 'collect') {
    const used = process.cpuUsage(cpu);
    const report: EventReport = { arrivals, cpuMicroseconds: used.user + used.system };
    process.send?.(report);
    return;
  }
  void open(command).then((report) => process.send?.(report));
});

async function open(command: OpenCommand): Promise<OpenReport> {
  const transport = transports[command.transport](command.endpoint);
  const rssBefore = await settledRss();
  const started = monotonicMilliseconds();
  await Promise.all(
    command.paths.map((path) =>
      transport.watch(path, (line) => {
        const arrived = monotonicMilliseconds();
        const sequence = sequenceOf(line);
        if (sequence !== undefined) {
          arrivals.push([sequence, arrived]);
        }
      }),
    ),
  );
  const openMilliseconds = monotonicMilliseconds() - started;
  const report = {
    openMilliseconds,
    rssBefore,
    rssAfter: await settledRss(),
    connections: transport.connections(),
    maxConcurrentStreams: transport.maxConcurrentStreams(),
  };
  cpu = process.cpuUsage();
  return report;
}

async function settledRss(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await sleep(50);
  }
  return process.memoryUsage.rss();
}
