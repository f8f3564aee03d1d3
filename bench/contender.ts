import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { parseEvent } from '../test/cluster/elector.ts';
import { findElector } from '../test/cluster/binaries.ts';
import type { Line } from '../test/e2e/story.ts';
import type { World } from '../test/e2e/world.ts';

const root = join(import.meta.dirname, '..');
/** Of everybody who has to wait for a time to pass; client-go's default. */
export const ttlMilliseconds = 15_000;

/** A kind of Pods that want a lock, and keep it. */
export interface Contender {
  readonly name: string;
  /** Of one that wants the lock of this name. */
  podSpec(lock: string): object;
  /** What a line of its log says: `waiting`, and `holds` with its time and process. */
  told(line: Line): Line;
}

/** A server of a peer, as Pods reach it. */
export interface Server {
  readonly host: string;
  readonly port: number;
}

interface Mount {
  readonly at: string;
  readonly source: object;
}

const asWritten = (line: Line): Line => line;

/** The example application under `leasehold run`, as users have it. They all want one lock. */
export function supervised(world: World): Contender {
  return { name: 'supervised', podSpec: () => world.podOf('hold'), told: asWritten };
}

/** The same without supervisor: its process is its container. */
export function alone(world: World): Contender {
  const command = ['node', 'example/app.ts', 'hold'];
  const app = { at: '/app/example', source: { configMap: { name: 'app' } } };
  return {
    name: 'alone',
    podSpec: () => podSpec(world, command, [app], { TTL: `${String(ttlMilliseconds)}ms` }),
    told: asWritten,
  };
}

/** client-go's leader election with its default times. */
export async function clientGo(world: World): Promise<Contender> {
  const elector = { at: '/elector', source: onHost(await findElector(), 'File') };
  return {
    name: 'client-go',
    podSpec(lock) {
      const command = ['/elector', `--namespace=${world.namespace}`, `--name=${lock}`];
      return podSpec(world, command, [elector]);
    },
    told(line) {
      // What is not of the elector is of client-go's own log.
      if (!line.text.startsWith('{')) return line;
      const { type, leader, unixMilliseconds: at } = parseEvent(line.text);
      if (type === 'started-leading') return { ...line, event: 'holds', at, pid: 1 };
      const isOther = type === 'new-leader' && !leader.startsWith(`${line.pod}_`);
      return isOther ? { ...line, event: 'waiting', at, pid: 1 } : line;
    },
  };
}

/** PostgreSQL's advisory lock, or redlock on one Redis; see `peers/contender.ts`. */
export function peer(world: World, name: 'postgres' | 'redlock', server: Server): Contender {
  const mounts = ['bench/peers', 'node_modules'].map((directory) => ({
    at: `/bench/${directory}`,
    source: onHost(realpathSync(join(root, directory)), 'Directory'),
  }));
  const environment = {
    PEER_HOST: server.host,
    PEER_PORT: String(server.port),
    PEER_TTL_MILLISECONDS: String(ttlMilliseconds),
  };
  return {
    name,
    podSpec(lock) {
      const command = ['node', '/bench/bench/peers/contender.ts', name, lock];
      return podSpec(world, command, mounts, environment);
    },
    told: asWritten,
  };
}

/** As the node runs on this machine, nothing has to be put into an image. */
function onHost(path: string, type: 'File' | 'Directory'): object {
  return { hostPath: { path, type } };
}

function podSpec(
  world: World,
  command: readonly string[],
  mounts: readonly Mount[],
  environment: Readonly<Record<string, string>> = {},
): object {
  const volumes = mounts.map(({ at, source }, index) => ({
    name: `v${String(index)}`,
    at,
    source,
  }));
  return {
    serviceAccountName: 'application',
    enableServiceLinks: false,
    containers: [
      {
        name: 'main',
        image: world.surroundings.image,
        imagePullPolicy: 'IfNotPresent',
        command,
        env: Object.entries(environment).map(([name, value]) => ({ name, value })),
        // As the application of the tests has it, so that none has a larger share of the processors.
        resources: { requests: { cpu: '100m', memory: '128Mi' } },
        volumeMounts: volumes.map(({ name, at }) => ({ name, mountPath: at, readOnly: true })),
      },
    ],
    volumes: volumes.map(({ name, source }) => ({ name, ...source })),
  };
}
