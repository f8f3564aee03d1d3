import { wallOf } from '../../src/testing/virtual/host.ts';
import type { SentRequest } from './world/network.ts';
import type { World } from './world/world.ts';

/** What happened in a world, one line each: requests as they were sent, and what processes told. */
export function timelineOf(world: World): string[] {
  const begin = wallOf(world.time) - world.time.now;
  const told = world.processes.flatMap(({ name, events }) =>
    events.map(({ at, type, ...details }) => ({ at, line: `${name}  ${type} ${text(details)}` })),
  );
  const sent = world.requests.map((request) => ({
    at: request.at,
    line: `${request.process}  ${request.verb} ${request.name} -> ${resultOf(request)}`,
  }));
  return [...sent, ...told, ...world.notes]
    .sort((a, b) => a.at - b.at)
    .map(({ at, line }) => `${new Date(begin + at).toISOString().slice(11, -1)}  ${line}`);
}

function resultOf({ result, fault }: SentRequest): string {
  const met = fault === undefined ? '' : ` (${text(fault)})`;
  if (!result) return `nothing${met}`;
  if (result.kind === 'refused') return `${String(result.status)} ${result.reason}${met}`;
  return `${result.kind}${met}`;
}

function text(details: object): string {
  return Object.entries(details)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
}
